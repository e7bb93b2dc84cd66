//! Idempotency keys: responses stored in the transaction of the request itself. A retried request gets the stored
//! response and is not executed again.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use crate::{
    Error, Resource, Result, TenantCommand, TenantQuery, TenantTx,
    visible::{all_readable, reduced},
};

/// Locks the key until the transaction ends, so that two concurrent requests cannot both find no response.
const TAKE: TenantQuery = TenantQuery::new(
    "with caller as (select $1::uuid as account_id, $2::uuid as user_id)
     select pg_try_advisory_xact_lock(hashtextextended(account_id || '/' || user_id || '/' || $3::text, 0)) from caller",
);
/// Delays between attempts to lock the key. A failed request is answered before its transaction has ended, and the
/// client may retry at once.
const LETTING_GO: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(50)];
const REPLAY: TenantQuery = TenantQuery::new(
    "select fingerprint, status, headers, body, sight, record_ids from app.idempotency_keys
     where account_id = $1 and user_id = $2 and key = $3",
);
const REMEMBER: TenantCommand = TenantCommand::new(
    "insert into app.idempotency_keys (account_id, user_id, key, fingerprint, status, headers, body, sight, record_ids)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

/// A stored response to an earlier request with the same idempotency key.
#[derive(Debug, FromRow)]
pub struct StoredResponse {
    fingerprint: Vec<u8>,
    status: i16,
    headers: Json<BTreeMap<String, String>>,
    body: Vec<u8>,
    /// Digest of the caller's view of these records at that time; null in responses stored by an earlier release.
    sight: Option<Vec<u8>>,
    /// Records that the response contains.
    record_ids: Option<Vec<Uuid>>,
}

impl StoredResponse {
    /// Creates a response to store: status, headers and body for the request with this `fingerprint`.
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

    /// Removes the fields of the records from the body.
    fn reduced(mut self) -> Self {
        let body = serde_json::from_slice(&self.body).map(reduced).unwrap_or_default();
        self.body = if self.body.is_empty() { Vec::new() } else { body.to_string().into_bytes() };
        self
    }

    /// Splits the response into status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, BTreeMap<String, String>, Vec<u8>) {
        (u16::try_from(self.status).unwrap_or(500), self.headers.0, self.body)
    }
}

/// Returns the stored response to the caller's request `key`, if there is one. `fingerprint` detects another
/// request with the same key. If the caller's permissions have changed, the body holds only ids and versions.
pub async fn replay(tx: &mut TenantTx, key: &str, fingerprint: &[u8]) -> Result<Option<StoredResponse>> {
    let Some(answer) = kept(tx, key, fingerprint).await? else { return Ok(None) };
    let same = answer.sight.as_deref() == Some(&*digest(&tx.reach.sight()));
    Ok(Some(if same { answer } else { answer.reduced() }))
}

/// [`replay`] for a response with records of `R`. It includes their fields as long as the caller sees the same
/// fields of `R` and may still read each record.
pub async fn replay_of<R: Resource>(
    tx: &mut TenantTx,
    key: &str,
    fingerprint: &[u8],
) -> Result<Option<StoredResponse>> {
    let Some(answer) = kept(tx, key, fingerprint).await? else { return Ok(None) };
    let same = answer.sight.as_deref() == Some(&*digest(&tx.reach.sight_of::<R>()));
    let shown = answer.record_ids.as_deref().unwrap_or_default();
    Ok(Some(if same && all_readable::<R>(tx, shown).await? { answer } else { answer.reduced() }))
}

async fn kept(tx: &mut TenantTx, key: &str, fingerprint: &[u8]) -> Result<Option<StoredResponse>> {
    let user = tx.inside.user;
    take(tx, key).await?;
    let answer: Option<StoredResponse> = tx.read(REPLAY).bind(user).bind(key).optional().await?;
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

/// Stores the response to the caller's request `key` in the request's transaction.
pub async fn remember(tx: &mut TenantTx, key: &str, answer: &StoredResponse) -> Result<()> {
    let sight = tx.reach.sight();
    keep(tx, key, answer, &sight).await
}

/// [`remember`] for a response with records of `R`; read back by [`replay_of`].
pub async fn remember_of<R: Resource>(tx: &mut TenantTx, key: &str, answer: &StoredResponse) -> Result<()> {
    let sight = tx.reach.sight_of::<R>();
    keep(tx, key, answer, &sight).await
}

async fn keep(tx: &mut TenantTx, key: &str, answer: &StoredResponse, sight: &str) -> Result<()> {
    let (user, shown) = (tx.inside.user, std::mem::take(&mut tx.answered));
    let statement = tx.execute_untracked::<()>(REMEMBER).bind(user).bind(key).bind(&answer.fingerprint);
    let statement = statement.bind(answer.status).bind(&answer.headers).bind(&answer.body);
    statement.bind(digest(sight)).bind(shown).run().await?;
    Ok(())
}
