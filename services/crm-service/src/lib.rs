//! Clients, and what an account keeps about them.

pub mod clients;
mod config;

use axum::{Router, extract::FromRef};
use db::Db;
use identity::Verifier;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use web::Edges;

pub use config::Config;

/// What every handler may ask for.
#[derive(Clone, FromRef)]
pub struct App {
    /// Rows.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
}

/// Every operation of this service, documented.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(clients::router())
}

/// The service, ready to be served, and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    web::finish(api(), app, "NEXO: CRM", Edges::default())
}
