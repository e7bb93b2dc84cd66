//! Shared building blocks of HTTP services: authorization, extraction, responses, serving and telemetry. A handler
//! reaches rows only through an extractor that has verified token and permission. Every error becomes a [`Problem`].
//!
//! * [`Authorized`] proves that the caller may perform an action on a resource, and begins transactions.
//! * [`Json`] is a request body that has been parsed and validated, or a response body.
//! * [`into_service`] builds the router of a service, with its limits, health checks and API document.
//!
//! ```
//! use web::{Authorized, Json, Read, ResourceName};
//!
//! struct Label;
//! impl ResourceName for Label {
//!     const NAME: &'static str = "label";
//! }
//! const NAMES: db::TenantQuery = db::TenantQuery::new("select name from app.labels where account_id = $1");
//!
//! /// Requires the permission `label:read`.
//! async fn names(auth: Authorized<Read, Label>) -> web::Result<Json<Vec<(String,)>>> {
//!     let mut tx = auth.begin_read_only().await?;
//!     Ok(Json(tx.read(NAMES).all().await?))
//! }
//! # #[derive(Clone, axum::extract::FromRef)] struct App { db: db::Db, verifier: identity::Verifier }
//! let routes: axum::Router<App> = axum::Router::new().route("/labels", axum::routing::get(names));
//! ```

mod authorized;
mod client;
mod conditional;
mod error;
mod extract;
mod health;
mod idempotent;
mod media_types;
pub mod openapi;
mod problem;
mod process_telemetry;
mod request_bounds;
mod request_id;
mod respond;
mod serve;
mod service;
mod telemetry;
mod upload;

pub use authorized::{
    AccountRequired, Action, AnyPrincipal, AnyResource, AnyUser, Authenticated, AuthenticatedUser,
    Authorized, Bearer, Delete, Purge, Read, ResourceName, Write,
};
pub use client::{ClientAddress, FORWARDED_FOR, Proxies};
pub use error::Error;
pub use extract::{
    IdempotencyKey, IfMatch, Json, MergePatch, Path, Query, UnparsedJson, ascii_only, each_once, names,
    parse_json, single_line, trimmed, trimmed_option,
};
pub use health::{Dependency, Health};
pub use idempotent::{IdempotencyOutcome, Idempotent};
pub use media_types::MediaTypes;
pub use problem::{Problem, Violation};
pub use process_telemetry::{Telemetry, TelemetryConfig};
pub use request_bounds::RequestBounds;
pub use request_id::{ClientRequestId, REQUEST_ID, RequestId};
pub use respond::{Accepted, Created, NoContent, Redacted, Replayable, WithDigest, WithETag, etag};
pub use serve::{
    BodyRate, ConnectionLimits, Listener, NotReady, check_readiness, exit_code, ready, run_service, serve,
    shutdown_signal,
};
pub use service::{ServiceOptions, into_service, with_limits};
pub use telemetry::{
    LogFormat, LogThrottle, Meter, ROUTE, RequestTimer, TRACEPARENT, begin_trace, end_trace, known_method,
    start_command_telemetry, start_telemetry,
};
pub use upload::Upload;

/// Result of a request handler.
pub type Result<T, E = Error> = std::result::Result<T, E>;
