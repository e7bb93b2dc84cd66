//! Fetches the issuer's keys over HTTP.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Uri, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kernel::jittered;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use crate::{Jwks, PublicKeys};

/// Timeout of a request to the issuer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// Minimum interval of requests: tokens with made-up key ids must not flood the issuer.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// Shorter interval while there are no keys at all, because every token is rejected.
const WITHOUT_KEYS: Duration = Duration::from_millis(500);
/// Interval after a failure: a key may have leaked and been revoked meanwhile.
const AGAIN: Duration = Duration::from_secs(15);
/// Maximum size of a key set in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// URL of an issuer's keys, and the local copy of the set.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

struct Inner {
    jwks: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
    keys: PublicKeys,
    asked: Mutex<Option<Instant>>,
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
    #[error("there are no keys in the key set")]
    Empty,
}

impl Remote {
    pub(crate) fn new(jwks: Uri, keys: PublicKeys) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self(Arc::new(Inner { jwks, client, keys, asked: Mutex::default() }))
    }

    /// Fetches the keys periodically, as long as a verifier uses them.
    pub(crate) fn follow(&self, every: Duration) {
        tokio::spawn(follow(Arc::downgrade(&self.0), every));
    }

    /// Fetches the keys unless they were fetched just before. Concurrent callers wait for a single request.
    pub(crate) async fn refresh(&self) {
        let mut asked = self.0.asked.lock().await;
        let pause = if self.0.keys.is_empty() { WITHOUT_KEYS } else { AT_MOST_EVERY };
        if asked.is_some_and(|before| before.elapsed() < pause) {
            return;
        }
        self.0.take().await;
        *asked = Some(Instant::now());
    }
}

async fn follow(remote: Weak<Inner>, every: Duration) {
    let mut pause = every;
    loop {
        sleep(jittered(pause)).await;
        let Some(remote) = remote.upgrade() else { return };
        let alone = remote.asked.lock().await; // a stale response must not overwrite a newer one
        pause = if remote.take().await { every } else { every.min(AGAIN) };
        drop(alone);
    }
}

impl Inner {
    /// Fetches the keys and replaces the set; returns whether it succeeded.
    async fn take(&self) -> bool {
        match self.fetch().await {
            Ok(jwks) => {
                self.keys.replace(&jwks);
                true
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, url = %self.jwks, "the token keys cannot be fetched");
                false
            }
        }
    }

    async fn fetch(&self) -> Result<Jwks, FetchError> {
        let answer = timeout(REQUEST_TIMEOUT, self.client.get(self.jwks.clone())).await??;
        let body = timeout(REQUEST_TIMEOUT, Limited::new(answer.into_body(), MAX_RESPONSE_BYTES).collect())
            .await??;
        let jwks: Jwks = serde_json::from_slice(&body.to_bytes())?;
        if jwks.keys.is_empty() { Err(FetchError::Empty) } else { Ok(jwks) }
    }
}
