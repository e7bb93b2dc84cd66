use axum::response::IntoResponse;
use db::{Answer, Resource, TenantTx};
use serde::Serialize;

use crate::{Answered, Error, IdempotencyKey, Result};

/// Something that is done once, however often its request is sent under the same key. Any handler can use it: what is
/// remembered is the answer as it went out, whatever it was.
pub struct Once {
    key: Option<IdempotencyKey>,
    fingerprint: Vec<u8>,
}

/// What becomes of a request.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once; a box would cost every write")]
pub enum Begun<A> {
    /// It came for the first time, and is to be done in this transaction.
    First(TenantTx),
    /// It was done before, and answered so.
    Again(Answered<A>),
}

impl Once {
    /// For a request with this body. The fingerprint tells one request from another: SHA-256 of what it asks, and where.
    pub fn of(key: Option<IdempotencyKey>, body: &impl Serialize) -> Result<Self> {
        let asked = key.as_ref().map(IdempotencyKey::request);
        let body = serde_json::to_vec(&(asked, body)).map_err(|error| Error::Internal(error.into()))?;
        let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref().to_vec();
        Ok(Self { key, fingerprint })
    }

    /// Takes the key for this transaction, and looks whether the request came before.
    pub async fn begin<A>(&self, mut tx: TenantTx) -> Result<Begun<A>> {
        let Some(key) = &self.key else { return Ok(Begun::First(tx)) };
        let before = db::replay(&mut tx, key.name(), &self.fingerprint).await?;
        begun(tx, before).await
    }

    /// [`begin`](Self::begin), where the answer holds records of `R`: one that is given again shows of them what its reader
    /// may see now.
    pub async fn begin_with<R: Resource, A>(&self, mut tx: TenantTx) -> Result<Begun<A>> {
        let Some(key) = &self.key else { return Ok(Begun::First(tx)) };
        let before = db::replay_of::<R>(&mut tx, key.name(), &self.fingerprint).await?;
        begun(tx, before).await
    }

    /// Commits, and gives this answer; remembers it together with what was done.
    pub async fn answer<A: IntoResponse>(self, mut tx: TenantTx, answer: A) -> Result<Answered<A>> {
        let answer = Answered::of(answer, self.fingerprint).await?;
        if let Some(key) = &self.key {
            db::remember(&mut tx, key.name(), answer.to_remember()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }

    /// [`answer`](Self::answer) with records of `R`, after [`begin_with`](Self::begin_with).
    pub async fn answer_with<R: Resource, A: IntoResponse>(
        self,
        mut tx: TenantTx,
        answer: A,
    ) -> Result<Answered<A>> {
        let answer = Answered::of(answer, self.fingerprint).await?;
        if let Some(key) = &self.key {
            db::remember_of::<R>(&mut tx, key.name(), answer.to_remember()).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}

async fn begun<A>(tx: TenantTx, before: Option<Answer>) -> Result<Begun<A>> {
    let Some(before) = before else { return Ok(Begun::First(tx)) };
    tx.commit().await?; // lets go of the key, before the client can send it again
    Ok(Begun::Again(Answered::again(before)))
}
