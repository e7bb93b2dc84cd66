//! Health checks: liveness and readiness of a service.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ::telemetry::Outage;
use axum::{Router, extract::FromRef, response::IntoResponse, routing::get};
use db::Db;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// Health of a service and of its dependencies.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Overall status: `up`, `degraded` or `down`.
    pub status: String,
    /// Status of each dependency besides the database: `up` or `down`. The service works without them for a while.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, String>,
}

/// A dependency besides the database, and the number of its current failures.
#[derive(Debug, Clone)]
pub struct Dependency {
    name: &'static str,
    troubles: Arc<AtomicUsize>,
}

impl Dependency {
    /// Creates a dependency with this name and failure counter.
    #[must_use]
    pub fn new(name: &'static str, troubles: Arc<AtomicUsize>) -> Self {
        Self { name, troubles }
    }

    fn check(&self) -> bool {
        self.troubles.load(Ordering::Relaxed) == 0
    }
}

impl Health {
    /// Health of a service without failures.
    #[must_use]
    pub fn up() -> Self {
        Self { status: "up".to_owned(), parts: BTreeMap::new() }
    }

    /// Health of a service that works: `degraded` if one of its dependencies is down.
    #[must_use]
    pub fn with_dependency(beside: &[Dependency]) -> Self {
        let word = |works: bool| if works { "up" } else { "down" };
        let parts = beside.iter().map(|one| (one.name.to_owned(), word(one.check()).to_owned())).collect();
        let status = if beside.iter().all(Dependency::check) { "up" } else { "degraded" };
        Self { status: status.to_owned(), parts }
    }

    /// Health of a service that cannot serve.
    #[must_use]
    pub fn down() -> Self {
        Self { status: "down".to_owned(), parts: BTreeMap::new() }
    }
}

/// Routes `/health/live` (the process responds) and `/health/ready` (the database responds; its version and
/// isolation were checked at start-up). Without a dependency, a service is `degraded` and still serves.
pub(crate) fn routes<S>(beside: Vec<Dependency>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
{
    Router::new()
        .route("/health/live", get(async || Json(Health::up())))
        .route("/health/ready", get(async move |db: axum::extract::State<Db>| ready(db, &beside).await))
}

/// Logs an outage once, however often readiness is polled.
static OUTAGE: Outage = Outage::none();

async fn ready(
    axum::extract::State(db): axum::extract::State<Db>,
    beside: &[Dependency],
) -> impl IntoResponse + use<> {
    match db.ping().await {
        Ok(()) => {
            if OUTAGE.ends() {
                tracing::info!("the database answers again");
            }
            (StatusCode::OK, Json(Health::with_dependency(beside)))
        }
        Err(error) => {
            if OUTAGE.begins() {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            }
            (StatusCode::SERVICE_UNAVAILABLE, Json(Health::down()))
        }
    }
}
