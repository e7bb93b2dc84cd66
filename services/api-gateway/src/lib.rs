//! API gateway: the single address for front-end applications. Verifies tokens, limits requests, and forwards
//! them.

mod access_record;
mod authenticate;
mod body_guard;
mod config;
mod edge;
mod forward;
mod health;
mod keys;
mod limits;
pub mod openapi;
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
use web::{ServiceOptions, with_limits};

pub use config::Config;
pub use upstream::{BodyBounds, BreakerConfig, UpstreamTimeouts, Upstreams};

/// State of all handlers.
pub struct App {
    /// Database, for readiness checks, and for session checks while revocations are not in sync.
    pub db: Db,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// Sessions that were revoked.
    pub revocations: Revocations,
    /// Upstream services that requests are forwarded to.
    pub upstreams: Upstreams,
    /// Cache of API keys and their tokens.
    pub(crate) keys: keys::ApiKeyCache,
    /// Limits of request bodies.
    pub body: BodyBounds,
    /// Rate limits of accounts, keys and addresses.
    pub(crate) limits: limits::Limits,
}

/// Builds the router of the gateway.
pub fn router(app: App, config: &Config) -> Router {
    let docs = SwaggerUi::new("/docs").config(docs());
    let router = Router::new()
        .route("/api/v1/{*rest}", any(forward::forward))
        .route("/.well-known/{*rest}", any(forward::forward))
        .route("/dev/mail", get(forward::forward))
        .route("/api/openapi.json", get(openapi::merged))
        .route("/api/rate-limit", get(limits::get_rate_limit))
        .route("/api/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::new(app)) // axum clones it several times per request
        .merge(docs);
    let edges = ServiceOptions {
        patience: config.patience,
        proxies: config.proxies.clone(),
        ..ServiceOptions::default()
    };
    let (cors, transport) = (config.cors.clone(), config.transport.clone());
    edge::around(with_limits(router, edges), cors, transport, config.proxies.clone())
}

/// Disables the external validator, to which Swagger UI would send the document by default.
fn docs() -> utoipa_swagger_ui::Config<'static> {
    utoipa_swagger_ui::Config::from("/api/openapi.json").validator_url("none")
}
