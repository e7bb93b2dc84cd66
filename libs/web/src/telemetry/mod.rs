//! Signs of life: structured logs, and numbers for whoever watches.

mod logs;
mod meter;
mod watched;

pub use logs::{LogFormat, start_telemetry};
pub use meter::{Measured, Meter, ROUTE};
pub use watched::{Watch, Watched};
