use axum::response::IntoResponse;
use db::{Resource, StoredResponse, TenantTx};
use serde::Serialize;

use crate::{Error, IdempotencyKey, Replayable, Result};

/// An idempotent request: executed once per idempotency key, however often it is retried. Usable in any handler;
/// the response is stored as it was sent, whatever its status.
pub struct Idempotent {
    key: Option<IdempotencyKey>,
    fingerprint: Vec<u8>,
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
        let asked = key.as_ref().map(IdempotencyKey::request);
        let body = serde_json::to_vec(&(asked, body)).map_err(|error| Error::Internal(error.into()))?;
        let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref().to_vec();
        Ok(Self { key, fingerprint })
    }

    /// Locks the key for this transaction, and looks up a stored response.
    pub async fn begin<A>(&self, mut tx: TenantTx) -> Result<IdempotencyOutcome<A>> {
        let Some(key) = &self.key else { return Ok(IdempotencyOutcome::New(tx)) };
        let before = db::replay(&mut tx, key.name(), &self.fingerprint).await?;
        begun(tx, before).await
    }

    /// [`begin`](Self::begin) for a response with records of `R`: a replay includes only what the caller may see
    /// now.
    pub async fn begin_with<R: Resource, A>(&self, mut tx: TenantTx) -> Result<IdempotencyOutcome<A>> {
        let Some(key) = &self.key else { return Ok(IdempotencyOutcome::New(tx)) };
        let before = db::replay_of::<R>(&mut tx, key.name(), &self.fingerprint).await?;
        begun(tx, before).await
    }

    /// Stores the response together with the changes, commits, and returns the response.
    pub async fn answer<A: IntoResponse>(self, mut tx: TenantTx, answer: A) -> Result<Replayable<A>> {
        let answer = Replayable::new(answer, self.fingerprint).await?;
        if let Some(key) = &self.key {
            db::remember(&mut tx, key.name(), answer.to_stored()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }

    /// [`answer`](Self::answer) for a response with records of `R`, after [`begin_with`](Self::begin_with).
    pub async fn answer_with<R: Resource, A: IntoResponse>(
        self,
        mut tx: TenantTx,
        answer: A,
    ) -> Result<Replayable<A>> {
        let answer = Replayable::new(answer, self.fingerprint).await?;
        if let Some(key) = &self.key {
            db::remember_of::<R>(&mut tx, key.name(), answer.to_stored()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}

async fn begun<A>(tx: TenantTx, before: Option<StoredResponse>) -> Result<IdempotencyOutcome<A>> {
    let Some(before) = before else { return Ok(IdempotencyOutcome::New(tx)) };
    tx.commit().await?; // releases the lock on the key before the client can retry
    Ok(IdempotencyOutcome::Replay(Replayable::replayed(before)))
}
