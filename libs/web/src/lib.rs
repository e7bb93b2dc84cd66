//! Shared building blocks of HTTP services: authorization, extraction, responses, serving and telemetry.

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
mod request_id;
mod respond;
mod serve;
mod service;
mod telemetry;
mod upload;

pub use authorized::{
    AccountRequired, Action, AnyPrincipal, AnyUser, Authenticated, AuthenticatedUser, Authorized, Bearer,
    Delete, Purge, Read, ResourceName, Write,
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
pub use request_id::{ClientRequestId, RequestId};
pub use respond::{Accepted, Created, NoContent, Redacted, Replayable, WithETag, etag};
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
