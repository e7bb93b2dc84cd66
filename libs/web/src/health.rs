//! Whether a service lives, and whether it can serve.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::FromRef, response::IntoResponse, routing::get};
use db::Db;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use signals::Outage;
use utoipa::ToSchema;

use crate::Json;

/// What a service says of itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `up`, `degraded` or `down`.
    pub status: String,
    /// What it needs beside the database, and does without for a while: `up` or `down`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, String>,
}

/// Something that a service needs beside its database, and how much of it does not work now.
#[derive(Debug, Clone)]
pub struct Beside {
    name: &'static str,
    troubles: Arc<AtomicUsize>,
}

impl Beside {
    /// By what it is called.
    #[must_use]
    pub fn new(name: &'static str, troubles: Arc<AtomicUsize>) -> Self {
        Self { name, troubles }
    }

    fn works(&self) -> bool {
        self.troubles.load(Ordering::Relaxed) == 0
    }
}

impl Health {
    /// In order.
    #[must_use]
    pub fn up() -> Self {
        Self { status: "up".to_owned(), parts: BTreeMap::new() }
    }

    /// Able to serve, as far as these work.
    #[must_use]
    pub fn beside(beside: &[Beside]) -> Self {
        let word = |works: bool| if works { "up" } else { "down" };
        let parts = beside.iter().map(|one| (one.name.to_owned(), word(one.works()).to_owned())).collect();
        let status = if beside.iter().all(Beside::works) { "up" } else { "degraded" };
        Self { status: status.to_owned(), parts }
    }

    /// Not able to serve.
    #[must_use]
    pub fn down() -> Self {
        Self { status: "down".to_owned(), parts: BTreeMap::new() }
    }
}

/// `/health/live`: the process answers. `/health/ready`: the database does; its version and its isolation were
/// checked before the first request. Without what is beside it a service is `degraded`, and serves.
pub(crate) fn routes<S>(beside: Vec<Beside>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
{
    Router::new()
        .route("/health/live", get(async || Json(Health::up())))
        .route("/health/ready", get(async move |db: axum::extract::State<Db>| ready(db, &beside).await))
}

/// Told once, however often somebody asks.
static OUTAGE: Outage = Outage::none();

async fn ready(
    axum::extract::State(db): axum::extract::State<Db>,
    beside: &[Beside],
) -> impl IntoResponse + use<> {
    match db.ping().await {
        Ok(()) => {
            if OUTAGE.ends() {
                tracing::info!("the database answers again");
            }
            (StatusCode::OK, Json(Health::beside(beside)))
        }
        Err(error) => {
            if OUTAGE.begins() {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            }
            (StatusCode::SERVICE_UNAVAILABLE, Json(Health::down()))
        }
    }
}
