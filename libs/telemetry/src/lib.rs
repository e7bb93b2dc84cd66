//! Telemetry: metrics and traces of a process, without any data of accounts.
//!
//! Code records metrics through the crate `metrics`, at no cost until [`Metrics::start`] is called. [`METRICS`]
//! lists all metrics.
//!
//! * [`Metrics`] collects the metrics of the process, and writes them in the text format of Prometheus.
//! * [`Span`] is a part of a trace; it is empty unless [`Traces::start`] has been called.
//! * [`Outage`] detects the start and the end of an outage, so that each is logged once.
//!
//! ```
//! use telemetry::{Kind, Metrics, Outage, Span, SpanInit};
//!
//! static BROKER: Outage = Outage::none();
//!
//! let registry = Metrics::start();
//! metrics::counter!("nexo_token_cache_requests_total", "result" => "hit").increment(1);
//! assert!(registry.text().contains("nexo_token_cache_requests_total"));
//!
//! let span = Span::begin(Kind::Internal, || SpanInit::new("publish"));
//! span.set("attempt", 1_i64);
//! assert_eq!([BROKER.begins(), BROKER.begins(), BROKER.ends()], [true, false, true]);
//! ```

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
