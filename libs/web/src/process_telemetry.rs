//! Exposes metrics at an address of their own, which clients cannot reach, and configures the export of traces.

use std::{io, net::SocketAddr};

use ::telemetry::{Metrics, Traces};
use axum::{Router, routing::get};
use http::{Uri, header::CONTENT_TYPE};
use kernel::Env;
use tokio::task::JoinSet;

use crate::{Listener, serve};

/// Text format of Prometheus.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
const NAME: &str = "NEXO_METRICS_LISTEN";

/// Telemetry settings of a process.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    listen: Option<SocketAddr>,
    /// Whether the operator has configured the address: then it must be free.
    is_chosen: bool,
    service: String,
    collector: Option<String>,
    unknown_settings: usize,
}

/// Telemetry of a process; runs as long as this value is held.
pub struct Telemetry {
    metrics: Option<&'static Metrics>,
    address: Option<SocketAddr>,
    traces: Option<Traces>,
    tasks: JoinSet<()>,
}

impl TelemetryConfig {
    /// Reads `NEXO_METRICS_LISTEN` (an address, or `off`), and OpenTelemetry's own `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), `OTEL_SERVICE_NAME` and `OTEL_SDK_DISABLED`.
    pub fn read(env: &mut Env, service: &str, port: u16) -> Self {
        let told = env.optional(NAME);
        let listen = match told.as_deref() {
            Some("off") => None,
            _ => Some(env.listen(NAME, port)),
        };
        let service = env.string_or("OTEL_SERVICE_NAME", service);
        let unknown_settings = env.unknown().len();
        Self { listen, is_chosen: told.is_some(), service, collector: collector(env), unknown_settings }
    }

    /// Starts metrics and traces; must run before metrics are created. If several processes use the default
    /// address, one gets it and the others log that they have no metrics.
    pub async fn start(self) -> io::Result<Telemetry> {
        let traces = self.collector.map(|collector| Traces::start(self.service, collector));
        let traces = traces.transpose().map_err(io::Error::other)?;
        let mut watched = Telemetry { metrics: None, address: None, traces, tasks: JoinSet::new() };
        let Some(listen) = self.listen else { return Ok(watched) };
        let listener = match Listener::bind(NAME, listen).await {
            Ok(listener) => listener,
            Err(error) if self.is_chosen => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "there are no metrics");
                return Ok(watched);
            }
        };
        let (metrics, address) = (Metrics::start(), listener.address()?);
        let unknown = u32::try_from(self.unknown_settings).unwrap_or(u32::MAX);
        metrics::gauge!("nexo_unknown_settings").set(unknown);
        tracing::info!(%address, "metrics are shown");
        watched.tasks.spawn(metrics.run_upkeep());
        watched.tasks.spawn(async {
            if let Err(error) = serve(listener, router(metrics), std::future::pending()).await {
                tracing::warn!(%error, "metrics are shown no more");
            }
        });
        Ok(Telemetry { metrics: Some(metrics), address: Some(address), ..watched })
    }
}

impl Telemetry {
    /// Address of the metrics, if they are exposed.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Exports the remaining spans.
    pub async fn stop(self) {
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
    }

    /// Adds a metrics source that is evaluated on each scrape. It may read files.
    pub fn also(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        if let Some(metrics) = self.metrics {
            metrics.register(source);
        }
    }
}

/// URL of the trace collector, if one is configured.
fn collector(env: &mut Env) -> Option<String> {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let of_all = env.optional(ALL).map(|address| format!("{}/v1/traces", address.trim_end_matches('/')));
    let address = env.optional(TRACES).or(of_all)?;
    let is_address = address.parse().is_ok_and(|uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if !is_address {
        env.report(ALL, "is not the address of a collector, such as http://collector:4318");
    }
    let is_off = env.string_or("OTEL_SDK_DISABLED", "false").eq_ignore_ascii_case("true");
    (is_address && !is_off).then_some(address)
}

fn router(metrics: &'static Metrics) -> Router {
    let text = async || {
        let text = tokio::task::spawn_blocking(|| metrics.text()).await.unwrap_or_default();
        ([(CONTENT_TYPE, KIND)], text)
    };
    Router::new().route("/metrics", get(text))
}
