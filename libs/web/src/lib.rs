//! Shared building blocks of HTTP services: authorization, extraction, responses, serving and telemetry.

mod authorized;
mod client;
mod conditional;
mod crud;
mod extract;
mod health;
pub mod openapi;
mod problem;
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
pub use crud::{
    Export, Format, IdempotencyOutcome, Idempotent, PageSource, crud, crud_without_bulk,
    crud_without_restore, document as describe, escape_csv_formula, read_only,
};
pub use extract::{
    IdempotencyKey, IfMatch, Json, MediaTypes, MergePatch, Path, Query, UnparsedJson, ascii_only, each_once,
    names, parse_json, single_line, trimmed, trimmed_option,
};
pub use health::{Dependency, Health};
pub use problem::{Error, Problem, Violation};
pub use request_id::{ClientRequestId, RequestId};
pub use respond::{
    Accepted, Created, CreatedRecord, ListResponse, NoContent, Redacted, Replayable, Versioned, WithETag,
};
pub use serve::{
    BodyRate, ConnectionLimits, Listener, NotReady, check_readiness, exit_code, ready, run_service, serve,
    shutdown_signal,
};
pub use service::{ServiceOptions, into_service, with_limits};
pub use telemetry::{
    LogFormat, LogThrottle, Meter, ROUTE, RequestTimer, TRACEPARENT, Telemetry, TelemetryConfig, begin_trace,
    end_trace, known_method, start_telemetry,
};
pub use upload::Upload;

/// Result of a request handler.
pub type Result<T, E = Error> = std::result::Result<T, E>;
