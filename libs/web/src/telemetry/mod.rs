//! Signs of life: structured logs, and numbers for whoever watches.

mod logs;
mod meter;
pub(crate) mod seldom;
mod trace;
mod watched;

pub use logs::{LogFormat, start_telemetry};
pub use meter::{Measured, Meter, ROUTE, known_method};
pub use seldom::Seldom;
pub(crate) use trace::route;
pub use trace::{TRACEPARENT, begin_trace, end_trace};
pub use watched::{Watch, Watched};
