//! What a process tells of itself to whoever watches it: numbers and traces, and no word of what accounts keep.
//!
//! Code counts through the crate `metrics`; nothing is counted, and nothing costs anything, until
//! [`Metrics::start`] was called. What there is to count is in one table: [`METRICS`].

mod metrics;
mod outage;
mod process;
mod sender;
mod table;
mod traces;

pub use metrics::Metrics;
pub use outage::Outage;
pub use table::{METRICS, Metric, Sort};
pub use traces::{Kind, Named, Span, Traces};
