use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use http_body_util::Empty;
use hyper::{Uri, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::say;

/// How long a service may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exit code 0: ready. 1: not ready, or not there.
pub(crate) async fn check(url: Uri) -> anyhow::Result<ExitCode> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = tokio::time::timeout(PATIENCE, client.get(url.clone())).await;
    match answer.context("no answer").and_then(|answer| Ok(answer?)) {
        Ok(answer) if answer.status().is_success() => {
            say::line(&format!("{url} is ready"));
            Ok(ExitCode::SUCCESS)
        }
        Ok(answer) => {
            say::problem(&format!("{url} says {}", answer.status()));
            Ok(ExitCode::from(1))
        }
        Err(error) => {
            say::problem(&format!("{url} does not answer: {error:#}"));
            Ok(ExitCode::from(1))
        }
    }
}
