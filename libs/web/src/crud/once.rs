use db::{Hidden, Record, Resource, TenantTx};

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
        let body = serde_json::to_vec(&(R::PLURAL, new)).map_err(|error| Error::Internal(error.into()))?;
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
        mut tx: TenantTx,
        record: &Record<R>,
        hidden: &Hidden,
    ) -> Result<Answered<R>> {
        let location = format!("/api/v1/{}/{}", R::PLURAL, record.id);
        let answer = Answered::created(location, record, self.fingerprint, hidden)?;
        if let Some(IdempotencyKey(key)) = &self.key {
            db::remember(&mut tx, key, answer.to_remember()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}
