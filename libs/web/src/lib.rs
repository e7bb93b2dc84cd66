//! What every HTTP service of ours has in common: who may, what came in, what goes out.

mod client;
mod conditional;
mod crud;
mod extract;
mod finish;
mod health;
mod may;
pub mod openapi;
mod problem;
mod request_id;
mod respond;
mod serve;
mod telemetry;
mod upload;

pub use client::{ClientAddress, FORWARDED_FOR, Proxies};
pub use crud::{
    Begun, Export, Format, Once, Pages, crud, crud_for_reading, crud_one_by_one, crud_without_restore,
    document as describe, harmless,
};
pub use extract::{
    IdempotencyKey, IfMatch, Json, MediaTypes, Patch, Path, Query, Unread, ascii, each_once, names, one_line,
    trimmed, trimmed_option, understood, web_address,
};
pub use finish::{Edges, finish, shield};
pub use health::{Beside, Health};
pub use may::{
    Action, AnyCaller, Anyone, Bearer, Delete, Known, KnownCaller, May, NoAccount, Purge, Read, Subject,
    Write,
};
pub use problem::{Error, Problem, Violation};
pub use request_id::{ClientRequestId, RequestId};
pub use respond::{Accepted, Answered, Created, Listed, Made, Marked, NoContent, Shown, Tagged};
pub use serve::{
    BodyRate, Bounds, Listener, Unready, ask, exit_code, program, ready, serve, shutdown_signal,
};
pub use telemetry::{
    LogFormat, Measured, Meter, ROUTE, Seldom, TRACEPARENT, Watch, Watched, begin_trace, end_trace,
    known_method, start_telemetry,
};
pub use upload::Upload;

/// What a handler answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
