//! Accounts, the people in them, and their sessions.

mod account;
mod config;
mod keys;
mod login;
mod me;
mod oidc;
mod password;
mod refusal;
mod register;
mod sessions;
mod slug;
mod throttle;

use std::sync::Arc;

use axum::{Router, extract::FromRef};
use db::Db;
use identity::{Hasher, Issuer, RefreshKey, Verifier};
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use config::Config;
pub use oidc::Oidc;
pub use refusal::AuthRefusal;
pub use throttle::Throttle;

/// What every handler may ask for.
#[derive(Clone, FromRef)]
pub struct App {
    /// Rows.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
    /// Signs tokens.
    pub issuer: Arc<Issuer>,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Makes refresh tokens.
    pub refresh: RefreshKey,
    /// Counts attempts to log in.
    pub throttle: Throttle,
    /// Logs people in at their own provider.
    pub oidc: Oidc,
}

/// The schemas that the answers refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    sessions::Tokens,
    sessions::list::Sessions,
    me::Me,
    oidc::start::Started,
    oidc::list::Shown,
    oidc::list::Connections,
    web::Problem
)))]
struct Schemas;

/// Every operation of this service, documented.
#[must_use]
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(sessions::refresh::refresh))
        .routes(routes!(sessions::logout::logout))
        .routes(routes!(sessions::list::sessions))
        .routes(routes!(sessions::end::end_session))
        .routes(routes!(sessions::end::end_other_sessions))
        .routes(routes!(password::change_password))
        .routes(routes!(me::me))
        .routes(routes!(keys::jwks))
        .merge(oidc::router())
}

/// The service, ready to be served, and its API document.
pub fn router(app: App) -> (Router, OpenApi) {
    web::finish(api(), app, "NEXO: accounts and sessions")
}
