//! Where numbers are shown: at an address of its own, which no client reaches.

use std::{io, net::SocketAddr};

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use kernel::Env;
use signals::Metrics;
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
}

/// A process that is watched, for as long as this is held.
pub struct Watched {
    metrics: Option<&'static Metrics>,
    address: Option<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Reads `NEXO_METRICS_LISTEN`: an address, or `off`.
    pub fn read(env: &mut Env, port: u16) -> Self {
        match env.optional(NAME).as_deref() {
            None => Self { listen: Some(SocketAddr::from(([127, 0, 0, 1], port))), is_chosen: false },
            Some("off") => Self { listen: None, is_chosen: true },
            Some(address) => {
                let listen = address.parse().ok();
                if listen.is_none() {
                    env.mistake(NAME, "is neither off nor an address such as 127.0.0.1:9300");
                }
                Self { listen, is_chosen: true }
            }
        }
    }

    /// Starts to count and to show: before anything is made that counts. Of several processes with the usual address, one
    /// has it, and the others say that they are not watched.
    pub async fn start(self) -> io::Result<Watched> {
        let mut watched = Watched { metrics: None, address: None, _tasks: JoinSet::new() };
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
        tracing::info!(%address, "metrics are shown");
        watched._tasks.spawn(metrics.keep_up());
        watched._tasks.spawn(async {
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

    /// Shows this too, as it is when somebody looks. It may read files.
    pub fn also(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        if let Some(metrics) = self.metrics {
            metrics.also(source);
        }
    }
}

fn router(metrics: &'static Metrics) -> Router {
    let text = async || {
        let text = tokio::task::spawn_blocking(|| metrics.text()).await.unwrap_or_default();
        ([(CONTENT_TYPE, KIND)], text)
    };
    Router::new().route("/metrics", get(text))
}
