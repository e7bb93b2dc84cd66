use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Timeout of a request to the collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends spans to a collector. The batch thread has no runtime, so requests run on ours.
#[derive(Debug)]
pub(crate) struct HttpExporter {
    client: reqwest::Client,
    runtime: Handle,
    fails: AtomicBool,
}

impl HttpExporter {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(EXPORT_TIMEOUT).build()?;
        Ok(Self { client, runtime: Handle::current(), fails: AtomicBool::new(false) })
    }

    /// Logs the start and the end of an outage once.
    fn note(&self, problem: Option<String>) {
        match (self.fails.swap(problem.is_some(), Ordering::Relaxed), problem) {
            (false, Some(problem)) => {
                tracing::warn!(problem, "traces are lost: the collector does not take them");
            }
            (true, None) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for HttpExporter {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
            Ok::<_, HttpError>(response.body(body)?)
        });
        let answer = sent.await?;
        self.note(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        });
        answer
    }
}
