//! Clients, and what an account keeps about them.

pub mod activities;
mod audit;
pub mod bookings;
pub mod clients;
mod config;
pub mod contacts;
pub mod employees;
mod explain;
mod form;
mod imports;
mod jobs;
pub mod notes;
pub mod notifications;
pub mod professionals;
pub mod projects;
mod rights;
mod rule;
pub mod subjects;
pub mod suppliers;
pub mod tags;
pub mod tasks;
mod timeline;

use std::sync::Arc;

use axum::{Router, extract::FromRef};
use db::Db;
use events::Consumer;
use identity::Verifier;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Beside, Edges, Proxies};

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
    audit::AuditLog,
    explain::Explanation,
    employees::OrgChart,
    employees::OrgChartNode,
    imports::Import,
    imports::ImportErrors,
    imports::ImportList,
    notifications::Notifications,
    professionals::Availability,
    professionals::Free,
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
        .merge(professionals::router())
        .merge(bookings::router())
        .merge(projects::router())
        .merge(suppliers::router())
        .merge(tasks::router())
        .merge(notes::router())
        .merge(activities::router())
        .merge(notifications::router())
        .merge(tags::router())
        .merge(imports::router())
        .merge(audit::router())
        .routes(routes!(explain::explain))
}

const TITLE: &str = "NEXO: CRM";

/// The API document, without a running service.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    web::openapi::describe(&mut document, TITLE);
    document
}

/// The service, ready to be served, and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    router_beside(app, Vec::new(), Proxies::default())
}

/// The same, which tells of what it needs beside the database when it is asked whether it is ready, and stands behind these.
pub fn router_beside(app: App, beside: Vec<Beside>, proxies: Proxies) -> (Router, OpenApi) {
    let edges = Edges { beside, proxies, service: "crm-service", ..Edges::default() };
    web::finish(api(), app, TITLE, edges)
}

/// Who works on events here.
#[must_use]
pub fn consumers() -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(notifications::Notifier)]
}
