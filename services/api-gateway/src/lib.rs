//! API gateway: the single address for front-end applications. It verifies tokens and limits requests before a service
//! receives them.
//!
//! * [`Config`] reads the settings, and makes the [`App`] with which all handlers work.
//! * [`Upstreams`] forwards requests to the services, with timeouts and circuit breakers.
//! * [`router`] builds the routes, and the edge around them: CORS, security headers and limits.
//!
//! ```
//! use api_gateway::Config;
//! use db::Db;
//! use kernel::Clock;
//!
//! fn gateway(config: &Config, db: Db) -> axum::Router {
//!     let verifier = config.identity.verifier(Clock::system());
//!     let app = config.app(db, verifier, config.revocation.start());
//!     api_gateway::router(app, config)
//! }
//! ```

mod access_record;
mod app;
mod authenticate;
mod body_guard;
mod caller;
mod config;
mod docs;
mod edge;
mod forward;
mod health;
mod keys;
mod limits;
pub mod openapi;
mod operations;
mod rate_limit_charge;
mod rate_limit_endpoint;
mod request_context;
mod upstream;

use std::sync::Arc;

use axum::{Router, routing::get};
use web::{RequestBounds, ServiceOptions, with_limits};

pub use app::App;
pub use config::Config;
use edge::Edge;
use forward::Forwarding;
pub use upstream::{BodyBounds, BreakerConfig, UpstreamTimeouts, Upstreams};

/// Builds the router of the gateway.
pub fn router(app: App, config: &Config) -> Router {
    let app = Arc::new(app); // axum clones it several times per request
    let own = Router::new()
        .route("/dev/mail", get(forward::handle))
        .route("/api/openapi.json", get(openapi::merged))
        .route("/api/rate-limit", get(rate_limit_endpoint::get_rate_limit))
        .route("/api/health", get(health::whole))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::clone(&app))
        .merge(docs::router());
    let options = ServiceOptions {
        patience: config.patience,
        proxies: config.proxies.clone(),
        ..ServiceOptions::default()
    };
    let edge = Edge::new(config.cors.clone(), config.transport.clone(), config.proxies.clone());
    let bounds = RequestBounds::new(config.patience, config.proxies.clone(), options.service);
    let forwarding = Forwarding::new(app, edge.clone(), bounds);
    edge.around(with_limits(own, options)).fallback_service(forwarding)
}
