use db::{Hidden, Record, Resource, TenantTx};
use http::StatusCode;
use serde::Serialize;

use crate::{Answered, Error, IdempotencyKey, Result};

/// A creation that is done once, however often its request is sent under the same key.
pub struct Once {
    key: Option<IdempotencyKey>,
    fingerprint: Vec<u8>,
}

impl Once {
    /// For the request to create `new` under `key`. The fingerprint tells one request from another: SHA-256 of what is to
    /// be created, and of what kind.
    pub fn of<R: Resource>(key: Option<IdempotencyKey>, new: &R) -> Result<Self> {
        Self::of_request(key, R::PLURAL, new)
    }

    /// For the request to do `body` to `what`.
    pub fn of_request(key: Option<IdempotencyKey>, what: &str, body: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(&(what, body)).map_err(|error| Error::Internal(error.into()))?;
        let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref().to_vec();
        Ok(Self { key, fingerprint })
    }

    /// What was answered the first time, if it was sent before. Holds the key until the transaction ends.
    pub async fn replay<R>(&self, tx: &mut TenantTx) -> Result<Option<Answered<R>>> {
        let Some(IdempotencyKey(key)) = &self.key else { return Ok(None) };
        Ok(db::replay(tx, key, &self.fingerprint).await?.map(Answered::again))
    }

    /// Commits, and answers with what was made; remembers the answer together with it.
    pub async fn answer<R: Resource>(
        self,
        tx: TenantTx,
        record: &Record<R>,
        hidden: &Hidden,
    ) -> Result<Answered<R>> {
        let location = format!("/api/v1/{}/{}", R::PLURAL, record.id);
        let answer = Answered::created(location, record, self.fingerprint, hidden)?;
        keep(self.key, tx, answer).await
    }

    /// Commits, and answers with this status and body; remembers the answer together with it.
    pub async fn answer_with<T>(
        self,
        tx: TenantTx,
        status: StatusCode,
        body: Vec<u8>,
    ) -> Result<Answered<T>> {
        keep(self.key, tx, Answered::with(status, body, self.fingerprint)).await
    }
}

async fn keep<T>(key: Option<IdempotencyKey>, mut tx: TenantTx, answer: Answered<T>) -> Result<Answered<T>> {
    if let Some(IdempotencyKey(key)) = &key {
        db::remember(&mut tx, key, answer.to_remember()).await?;
    }
    tx.commit().await?;
    Ok(answer)
}
