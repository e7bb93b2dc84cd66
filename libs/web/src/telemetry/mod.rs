//! Telemetry: structured logs, metrics and traces.

pub(crate) mod log_throttle;
mod logs;
mod meter;
mod trace;

pub use log_throttle::LogThrottle;
pub use logs::{LogFormat, start_command_telemetry, start_telemetry};
pub use meter::{Meter, ROUTE, RequestTimer, known_method};
pub(crate) use trace::route;
pub use trace::{TRACEPARENT, begin_trace, end_trace};
