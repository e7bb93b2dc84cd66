//! Whether a service lives, and whether it can serve.

use axum::{Router, extract::FromRef, response::IntoResponse, routing::get};
use db::Db;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// What a service says of itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `up`, `degraded` or `down`.
    pub status: String,
}

impl Health {
    /// In order.
    #[must_use]
    pub fn up() -> Self {
        Self { status: "up".to_owned() }
    }

    /// Not able to serve.
    #[must_use]
    pub fn down() -> Self {
        Self { status: "down".to_owned() }
    }
}

/// `/health/live`: the process answers. `/health/ready`: the database does; its version and its isolation were
/// checked before the first request.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
{
    Router::new().route("/health/live", get(async || Json(Health::up()))).route("/health/ready", get(ready))
}

async fn ready(axum::extract::State(db): axum::extract::State<Db>) -> impl IntoResponse {
    match db.ping().await {
        Ok(()) => (StatusCode::OK, Json(Health::up())),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, Json(Health::down()))
        }
    }
}
