use axum::response::IntoResponse;
use db::{AccessTarget, TenantTx};
use serde::Serialize;

use crate::{Error, IdempotencyKey, Replayable, Result};

/// An idempotent request: executed once per idempotency key, however often it is retried. Usable in any handler;
/// the response is stored as it was sent, whatever its status.
pub struct Idempotent {
    key: Option<IdempotencyKey>,
    fingerprint: Vec<u8>,
    /// Access control of the records that the response contains.
    target: Option<AccessTarget>,
}

/// Outcome of looking up the idempotency key.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once; a box would cost every write")]
pub enum IdempotencyOutcome<A> {
    /// First request with this key, to be executed in this transaction.
    New(TenantTx),
    /// Retry of an earlier request, with its stored response.
    Replay(Replayable<A>),
}

impl Idempotent {
    /// Creates it for a request with this body. The fingerprint, a SHA-256 of method, path and body, detects
    /// another request with the same key.
    pub fn new(key: Option<IdempotencyKey>, body: &impl Serialize) -> Result<Self> {
        let Some(key) = key else { return Ok(Self { key: None, fingerprint: Vec::new(), target: None }) };
        let asked = Some(key.request());
        let body = serde_json::to_vec(&(asked, body)).map_err(|error| Error::Internal(error.into()))?;
        let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref().to_vec();
        Ok(Self { key: Some(key), fingerprint, target: None })
    }

    /// Declares that the response contains records of `target`: a replay includes only what the caller may see then.
    #[must_use]
    pub fn with_records(self, target: AccessTarget) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Locks the key for this transaction, and looks up a stored response.
    pub async fn begin<A>(&self, mut tx: TenantTx) -> Result<IdempotencyOutcome<A>> {
        let Some(key) = &self.key else { return Ok(IdempotencyOutcome::New(tx)) };
        let stored = tx.replay(key.name(), &self.fingerprint, self.target.as_ref()).await?;
        let Some(stored) = stored else { return Ok(IdempotencyOutcome::New(tx)) };
        tx.commit().await?; // releases the lock on the key before the client can retry
        Ok(IdempotencyOutcome::Replay(Replayable::replayed(stored)))
    }

    /// Stores the response together with the changes, commits, and returns the response.
    pub async fn answer<A: IntoResponse>(self, mut tx: TenantTx, answer: A) -> Result<Replayable<A>> {
        let answer = Replayable::new(answer, self.fingerprint).await?;
        if let Some(key) = &self.key {
            tx.remember(key.name(), answer.to_stored(), self.target.as_ref()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}
