//! The edge: one address for front-end applications. Checks tokens, bounds requests, and forwards them.

mod admit;
mod config;
mod documents;
mod forward;
mod headers;
mod health;
mod keys;
mod upstream;

use axum::{
    Router,
    extract::FromRef,
    routing::{any, get},
};
use db::Db;
use identity::Verifier;
use utoipa_swagger_ui::SwaggerUi;
use web::{Edges, shield};

pub use config::Config;
pub use upstream::Upstreams;

/// What every handler may ask for.
#[derive(Clone, FromRef)]
pub struct App {
    /// The database: only asked whether it is well.
    pub db: Db,
    /// Whose token it is.
    pub verifier: Verifier,
    /// Where requests go.
    pub upstreams: Upstreams,
    /// The API keys that were lately shown.
    #[from_ref(skip)]
    pub(crate) keys: keys::Keys,
    /// How large a body may be, in bytes.
    #[from_ref(skip)]
    pub body_limit: usize,
}

/// The gateway, ready to be served.
pub fn router(app: App, config: &Config) -> Router {
    let docs = SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/api/openapi.json"));
    let router = Router::new()
        .route("/api/v1/{*rest}", any(forward::forward))
        .route("/.well-known/{*rest}", any(forward::forward))
        .route("/dev/mail", get(forward::forward))
        .route("/api/openapi.json", get(documents::merged))
        .route("/api/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(app)
        .merge(docs);
    // Outermost: a page must be able to read a problem as well.
    let edges = Edges { patience: config.patience, proxies: config.proxies.clone(), ..Edges::default() };
    shield(router, edges).layer(config.cors.clone())
}
