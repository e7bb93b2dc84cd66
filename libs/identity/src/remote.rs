//! The issuer's keys, over HTTP.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Uri, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{Jwks, PublicKeys};

/// How long the issuer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Tokens with made-up key names must not become requests to the issuer.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// As long as there are no keys at all, nobody is let in: ask sooner.
const WITHOUT_KEYS: Duration = Duration::from_millis(500);
/// No key set of ours is larger.
const LARGEST: usize = 64 * 1024;

/// Where an issuer publishes its keys.
#[derive(Clone)]
pub(crate) struct Remote {
    jwks: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
    asked: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("no answer")]
    Silent(#[from] tokio::time::error::Elapsed),
    #[error("no connection")]
    Unreachable(#[from] hyper_util::client::legacy::Error),
    #[error("the answer broke off or is too large")]
    Broken(#[from] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer is not a key set")]
    Unreadable(#[from] serde_json::Error),
}

impl Remote {
    pub(crate) fn new(jwks: Uri) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { jwks, client, asked: Arc::default() }
    }

    /// Fetches the keys, unless that was just done. Requests that come meanwhile wait for the one that asks.
    pub(crate) async fn refresh(&self, keys: &PublicKeys) {
        let mut asked = self.asked.lock().await;
        let pause = if keys.is_empty() { WITHOUT_KEYS } else { AT_MOST_EVERY };
        if asked.is_some_and(|before| before.elapsed() < pause) {
            return;
        }
        match self.fetch().await {
            Ok(jwks) => keys.replace(&jwks),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, url = %self.jwks, "the token keys cannot be fetched");
            }
        }
        *asked = Some(Instant::now());
    }

    async fn fetch(&self) -> Result<Jwks, FetchError> {
        let answer = timeout(PATIENCE, self.client.get(self.jwks.clone())).await??;
        let body = timeout(PATIENCE, Limited::new(answer.into_body(), LARGEST).collect()).await??;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    }
}
