//! Where numbers are shown: at an address of its own, which no client reaches; and where traces go.

use std::{io, net::SocketAddr};

use axum::{Router, routing::get};
use http::{Uri, header::CONTENT_TYPE};
use kernel::Env;
use signals::{Metrics, Traces};
use tokio::task::JoinSet;

use crate::{Listener, serve};

/// The text format of Prometheus.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
const NAME: &str = "NEXO_METRICS_LISTEN";

/// How a process is watched.
#[derive(Debug, Clone)]
pub struct Watch {
    listen: Option<SocketAddr>,
    /// Whether the operator has chosen that address: then it must be free.
    is_chosen: bool,
    service: String,
    collector: Option<String>,
    unknown_settings: usize,
}

/// A process that is watched, for as long as this is held.
pub struct Watched {
    metrics: Option<&'static Metrics>,
    address: Option<SocketAddr>,
    traces: Option<Traces>,
    tasks: JoinSet<()>,
}

impl Watch {
    /// Reads `NEXO_METRICS_LISTEN`: an address, or `off`; and OpenTelemetry's own `OTEL_EXPORTER_OTLP_ENDPOINT` (or
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), `OTEL_SERVICE_NAME` and `OTEL_SDK_DISABLED`.
    pub fn read(env: &mut Env, service: &str, port: u16) -> Self {
        let told = env.optional(NAME);
        let listen = match told.as_deref() {
            Some("off") => None,
            _ => Some(env.listen(NAME, port)),
        };
        let service = env.or("OTEL_SERVICE_NAME", service);
        let unknown_settings = env.unknown().len();
        Self { listen, is_chosen: told.is_some(), service, collector: collector(env), unknown_settings }
    }

    /// Starts to count and to show: before anything is made that counts. Of several processes with the usual address, one
    /// has it, and the others say that they are not watched.
    pub async fn start(self) -> io::Result<Watched> {
        let traces = self.collector.map(|collector| Traces::start(self.service, collector));
        let traces = traces.transpose().map_err(io::Error::other)?;
        let mut watched = Watched { metrics: None, address: None, traces, tasks: JoinSet::new() };
        let Some(listen) = self.listen else { return Ok(watched) };
        let listener = match Listener::bind(listen).await {
            Ok(listener) => listener,
            Err(error) if self.is_chosen => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "there are no metrics; another address can be given as {NAME}");
                return Ok(watched);
            }
        };
        let (metrics, address) = (Metrics::start(), listener.address()?);
        let unknown = u32::try_from(self.unknown_settings).unwrap_or(u32::MAX);
        metrics::gauge!("nexo_unknown_settings").set(unknown);
        tracing::info!(%address, "metrics are shown");
        watched.tasks.spawn(metrics.keep_up());
        watched.tasks.spawn(async {
            if let Err(error) = serve(listener, router(metrics), std::future::pending()).await {
                tracing::warn!(%error, "metrics are shown no more");
            }
        });
        Ok(Watched { metrics: Some(metrics), address: Some(address), ..watched })
    }
}

impl Watched {
    /// Where, if anywhere.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Sends the last spans.
    pub async fn stop(self) {
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
    }

    /// Shows this too, as it is when somebody looks. It may read files.
    pub fn also(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        if let Some(metrics) = self.metrics {
            metrics.also(source);
        }
    }
}

/// Where traces go, if anywhere.
fn collector(env: &mut Env) -> Option<String> {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let of_all = env.optional(ALL).map(|address| format!("{}/v1/traces", address.trim_end_matches('/')));
    let address = env.optional(TRACES).or(of_all)?;
    let is_address = address.parse().is_ok_and(|uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if !is_address {
        env.mistake(ALL, "is not the address of a collector, such as http://collector:4318");
    }
    let is_off = env.or("OTEL_SDK_DISABLED", "false").eq_ignore_ascii_case("true");
    (is_address && !is_off).then_some(address)
}

fn router(metrics: &'static Metrics) -> Router {
    let text = async || {
        let text = tokio::task::spawn_blocking(|| metrics.text()).await.unwrap_or_default();
        ([(CONTENT_TYPE, KIND)], text)
    };
    Router::new().route("/metrics", get(text))
}
