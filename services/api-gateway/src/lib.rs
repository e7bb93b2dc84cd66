//! The edge: one address for front-end applications. Checks tokens, bounds requests, and forwards them.

mod admit;
mod config;
mod edge;
mod forward;
mod health;
mod keys;
mod limits;
pub mod openapi;
mod trail;
mod upstream;

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get},
};
use db::Db;
use identity::Verifier;
use revocation::Revocations;
use utoipa_swagger_ui::SwaggerUi;
use web::{Edges, shield};

pub use config::Config;
pub use upstream::{BodyBounds, Rules, Times, Upstreams};

/// What every handler may ask for.
pub struct App {
    /// The database: asked whether it is well, and whether a session stands where nobody else can tell.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
    /// Whose session has ended.
    pub revocations: Revocations,
    /// Where requests go.
    pub upstreams: Upstreams,
    /// The API keys that were lately shown.
    pub(crate) keys: keys::Keys,
    /// What bounds a body that comes in.
    pub body: BodyBounds,
    /// How often somebody may ask.
    pub(crate) limits: limits::Limits,
}

/// The gateway, ready to be served.
pub fn router(app: App, config: &Config) -> Router {
    let docs = SwaggerUi::new("/docs").config(docs());
    let router = Router::new()
        .route("/api/v1/{*rest}", any(forward::forward))
        .route("/.well-known/{*rest}", any(forward::forward))
        .route("/dev/mail", get(forward::forward))
        .route("/api/openapi.json", get(openapi::merged))
        .route("/api/rate-limit", get(limits::shown))
        .route("/api/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::new(app)) // axum copies it several times for each request
        .merge(docs);
    let edges = Edges { patience: config.patience, proxies: config.proxies.clone(), ..Edges::default() };
    edge::around(shield(router, edges), config)
}

/// The page asks nobody but us: by default it would have its document judged elsewhere.
fn docs() -> utoipa_swagger_ui::Config<'static> {
    utoipa_swagger_ui::Config::from("/api/openapi.json").validator_url("none")
}
