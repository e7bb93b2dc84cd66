//! Clients, and what an account keeps about them.

pub mod activities;
pub mod clients;
mod config;
pub mod contacts;
pub mod employees;
mod explain;
mod form;
mod imports;
mod jobs;
pub mod notes;
pub mod projects;
mod rule;
pub mod subjects;
pub mod suppliers;
pub mod tags;
pub mod tasks;
mod timeline;

use axum::{Router, extract::FromRef};
use db::Db;
use identity::Verifier;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::Edges;

pub use config::Config;
pub use jobs::{Settings as JobSettings, Worker, Workers};
pub use rule::Rule;

/// What every handler may ask for.
#[derive(Clone, FromRef)]
pub struct App {
    /// Rows.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
}

/// The schemas that the answers refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    explain::Explanation,
    employees::OrgChart,
    employees::Place,
    imports::Import,
    imports::ImportErrors,
    imports::ImportList,
    tags::Tags,
    timeline::Timeline
)))]
struct Schemas;

/// Every operation of this service, documented.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .merge(clients::router())
        .merge(contacts::router())
        .merge(employees::router())
        .merge(projects::router())
        .merge(suppliers::router())
        .merge(tasks::router())
        .merge(notes::router())
        .merge(activities::router())
        .merge(tags::router())
        .merge(imports::router())
        .routes(routes!(explain::explain))
}

/// The service, ready to be served, and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    web::finish(api(), app, "NEXO: CRM", Edges::default())
}
