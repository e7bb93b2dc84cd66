//! Telemetry: metrics and traces of a process, without any data of accounts.
//!
//! Code records metrics through the crate `metrics`, at no cost until [`Metrics::start`] is called. [`METRICS`]
//! lists all metrics.

mod exporter;
mod metrics;
mod outage;
mod process;
mod table;
mod traces;

pub use metrics::Metrics;
pub use outage::Outage;
pub use table::{METRICS, Metric, MetricKind};
pub use traces::{Kind, Span, SpanInit, Traces, record};
