//! Answers kept by the key that a client gave its request, in the transaction of the request itself: a request that
//! is sent again is answered again, and done once.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use crate::{
    Error, Resource, Result, Scoped, ScopedWrite, TenantTx,
    visible::{all_readable, reduced},
};

/// The transaction holds the key until it ends, so that two requests with it cannot both find nothing.
const TAKE: Scoped = Scoped::new(
    "with caller as (select $1::uuid as account_id, $2::uuid as user_id)
     select pg_try_advisory_xact_lock(hashtextextended(account_id || '/' || user_id || '/' || $3::text, 0)) from caller",
);
/// A request that was refused is answered before its transaction has ended, and may come again at once.
const LETTING_GO: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(50)];
const REPLAY: Scoped = Scoped::new(
    "select fingerprint, status, headers, body, sight, record_ids from app.idempotency_keys
     where account_id = $1 and user_id = $2 and key = $3",
);
const REMEMBER: ScopedWrite = ScopedWrite::new(
    "insert into app.idempotency_keys (account_id, user_id, key, fingerprint, status, headers, body, sight, record_ids)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

/// An answer that was given before.
#[derive(Debug, FromRow)]
pub struct Answer {
    fingerprint: Vec<u8>,
    status: i16,
    headers: Json<BTreeMap<String, String>>,
    body: Vec<u8>,
    /// A digest of what its reader saw of such records then; none in answers of an earlier release.
    sight: Option<Vec<u8>>,
    /// The records that it shows.
    record_ids: Option<Vec<Uuid>>,
}

impl Answer {
    /// An answer to remember: status, headers and body of the response to the request that has this `fingerprint`.
    #[must_use]
    pub fn new(fingerprint: Vec<u8>, status: u16, headers: BTreeMap<String, String>, body: Vec<u8>) -> Self {
        Self {
            fingerprint,
            status: i16::try_from(status).unwrap_or(i16::MAX),
            headers: Json(headers),
            body,
            sight: None,
            record_ids: None,
        }
    }

    /// Without the fields of the records in it.
    fn reduced(mut self) -> Self {
        let body = serde_json::from_slice(&self.body).map(reduced).unwrap_or_default();
        self.body = if self.body.is_empty() { Vec::new() } else { body.to_string().into_bytes() };
        self
    }

    /// Status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, BTreeMap<String, String>, Vec<u8>) {
        (u16::try_from(self.status).unwrap_or(500), self.headers.0, self.body)
    }
}

/// The answer that the caller's request `key` got before, if it was sent before; `fingerprint` tells whether it is the
/// same request. A caller whose permissions have changed since then gets no more of it than identities and versions.
pub async fn replay(tx: &mut TenantTx, key: &str, fingerprint: &[u8]) -> Result<Option<Answer>> {
    let Some(answer) = kept(tx, key, fingerprint).await? else { return Ok(None) };
    let same = answer.sight.as_deref() == Some(&*digest(&tx.reach.sight()));
    Ok(Some(if same { answer } else { answer.reduced() }))
}

/// [`replay`] of an answer with records of `R`: it shows their fields as long as the caller sees the same fields of `R`, and
/// may still read each of these records.
pub async fn replay_of<R: Resource>(
    tx: &mut TenantTx,
    key: &str,
    fingerprint: &[u8],
) -> Result<Option<Answer>> {
    let Some(answer) = kept(tx, key, fingerprint).await? else { return Ok(None) };
    let same = answer.sight.as_deref() == Some(&*digest(&tx.reach.sight_of::<R>()));
    let shown = answer.record_ids.as_deref().unwrap_or_default();
    Ok(Some(if same && all_readable::<R>(tx, shown).await? { answer } else { answer.reduced() }))
}

async fn kept(tx: &mut TenantTx, key: &str, fingerprint: &[u8]) -> Result<Option<Answer>> {
    let user = tx.inside.user;
    take(tx, key).await?;
    let answer: Option<Answer> = tx.read(REPLAY).bind(user).bind(key).optional().await?;
    match answer {
        Some(answer) if answer.fingerprint != fingerprint => Err(Error::KeyReused),
        answer => Ok(answer),
    }
}

fn digest(sight: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sight.as_bytes()).as_ref().to_vec()
}

async fn take(tx: &mut TenantTx, key: &str) -> Result<()> {
    for again in LETTING_GO.map(Some).into_iter().chain([None]) {
        let user = tx.inside.user;
        let taken: Option<(bool,)> = tx.read(TAKE).bind(user).bind(key).optional().await?;
        match (taken, again) {
            (Some((true,)), _) => return Ok(()),
            (_, Some(pause)) => tokio::time::sleep(pause).await,
            (_, None) => break,
        }
    }
    Err(Error::InFlight)
}

/// Keeps the answer to the caller's request `key`, together with what the request did.
pub async fn remember(tx: &mut TenantTx, key: &str, answer: &Answer) -> Result<()> {
    let sight = tx.reach.sight();
    keep(tx, key, answer, &sight).await
}

/// [`remember`] of an answer with records of `R`, for [`replay_of`].
pub async fn remember_of<R: Resource>(tx: &mut TenantTx, key: &str, answer: &Answer) -> Result<()> {
    let sight = tx.reach.sight_of::<R>();
    keep(tx, key, answer, &sight).await
}

async fn keep(tx: &mut TenantTx, key: &str, answer: &Answer, sight: &str) -> Result<()> {
    let (user, shown) = (tx.inside.user, std::mem::take(&mut tx.answered));
    let statement = tx.write_unnoted::<()>(REMEMBER).bind(user).bind(key).bind(&answer.fingerprint);
    let statement = statement.bind(answer.status).bind(&answer.headers).bind(&answer.body);
    statement.bind(digest(sight)).bind(shown).run().await?;
    Ok(())
}
