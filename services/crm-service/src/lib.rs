//! CRM: clients and the records that an account keeps on them. Requests reach only records of the
//! caller's account and access scope.
//!
//! * [`api`] is the table of all operations; [`router`] serves them with their API document.
//! * [`consumers`] are the event consumers of this service, and [`jobs()`] its kinds of background job.
//! * [`clients`] is a resource: its struct, its columns and its routes. The other resources have this form too.
//!
//! ```
//! use crm_service::App;
//!
//! fn service(db: db::Db, verifier: identity::Verifier) -> axum::Router {
//!     let (router, _document) = crm_service::router(App { db, verifier });
//!     router
//! }
//!
//! assert!(crm_service::document().paths.paths.contains_key("/api/v1/clients"));
//! ```

mod about;
mod account_schema;
pub mod activities;
mod app;
mod audit;
pub mod bookings;
pub mod clients;
mod config;
pub mod contacts;
pub mod employees;
mod explain;
mod imports;
pub mod notes;
pub mod notifications;
pub mod professionals;
pub mod projects;
mod records;
mod refusal;
mod resources;
pub mod subjects;
pub mod suppliers;
pub mod tags;
pub mod tasks;
mod timeline;
mod validators;

use std::sync::Arc;

use axum::Router;
use events::Consumer;
use jobs::Job;
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Dependency, Proxies, ServiceOptions};

pub use app::App;
pub use config::Config;
pub use refusal::Rule;

/// The schemas that the responses refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    account_schema::AccountSchema,
    audit::AuditLog,
    explain::Explanation,
    employees::OrgChart,
    employees::OrgChartNode,
    imports::Import,
    imports::ImportErrors,
    imports::ImportList,
    notifications::Notifications,
    professionals::Availability,
    professionals::FreeSlots,
    tags::RecordTags,
    timeline::Timeline
)))]
struct Schemas;

/// All operations of this service, with their documentation.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .merge(resources::router())
        .routes(routes!(account_schema::get_schema))
        .merge(notifications::router())
        .merge(imports::router())
        .merge(audit::router())
        .routes(routes!(explain::explain_access))
}

const TITLE: &str = "NEXO: CRM";

/// Returns the API document without a running service.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    web::openapi::describe(&mut document, TITLE);
    document
}

/// Builds the router of the service and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    router_with_dependencies(app, Vec::new(), Proxies::default())
}

/// Builds the router with trusted proxies and with further dependencies that its readiness check reports.
pub fn router_with_dependencies(app: App, beside: Vec<Dependency>, proxies: Proxies) -> (Router, OpenApi) {
    let edges = ServiceOptions { beside, proxies, service: "crm-service", ..ServiceOptions::default() };
    web::into_service(api(), app, TITLE, edges)
}

/// Event consumers of this service.
#[must_use]
pub fn consumers() -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(notifications::Notifier)]
}

/// Kinds of background job of this service.
#[must_use]
pub fn jobs() -> Vec<Arc<dyn Job>> {
    imports::jobs()
}
