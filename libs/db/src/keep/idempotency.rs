//! Answers kept by the key that a client gave its request, in the transaction of the request itself: a request that
//! is sent again is answered again, and done once.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{FromRow, types::Json};

use crate::{Error, Result, Scoped, ScopedWrite, TenantTx};

/// The transaction holds the key until it ends, so that two requests with it cannot both find nothing.
const TAKE: Scoped = Scoped::new(
    "with caller as (select $1::uuid as account_id, $2::uuid as user_id)
     select pg_try_advisory_xact_lock(hashtextextended(account_id || '/' || user_id || '/' || $3::text, 0)) from caller",
);
/// A request that was refused is answered before its transaction has ended, and may come again at once.
const LETTING_GO: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(50)];
const REPLAY: Scoped = Scoped::new(
    "select fingerprint, status, headers, body from app.idempotency_keys where account_id = $1 and user_id = $2 and key = $3",
);
const REMEMBER: ScopedWrite = ScopedWrite::new(
    "insert into app.idempotency_keys (account_id, user_id, key, fingerprint, status, headers, body) values ($1, $2, $3, $4, $5, $6, $7)",
);

/// An answer that was given before.
#[derive(Debug, FromRow)]
pub struct Answer {
    fingerprint: Vec<u8>,
    status: i16,
    headers: Json<BTreeMap<String, String>>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer to remember: status, headers and body of the response to the request that has this `fingerprint`.
    #[must_use]
    pub fn new(fingerprint: Vec<u8>, status: u16, headers: BTreeMap<String, String>, body: Vec<u8>) -> Self {
        Self { fingerprint, status: i16::try_from(status).unwrap_or(i16::MAX), headers: Json(headers), body }
    }

    /// Status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, BTreeMap<String, String>, Vec<u8>) {
        (u16::try_from(self.status).unwrap_or(500), self.headers.0, self.body)
    }
}

/// The answer that the caller's request `key` got before, if it was sent before; `fingerprint` tells whether it is the
/// same request.
pub async fn replay(tx: &mut TenantTx, key: &str, fingerprint: &[u8]) -> Result<Option<Answer>> {
    let user = tx.inside.user;
    take(tx, key).await?;
    let answer: Option<Answer> = tx.read(REPLAY).bind(user).bind(key).optional().await?;
    match answer {
        Some(answer) if answer.fingerprint != fingerprint => Err(Error::KeyReused),
        answer => Ok(answer),
    }
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
    let user = tx.inside.user;
    let statement = tx.write_unnoted::<()>(REMEMBER).bind(user).bind(key).bind(&answer.fingerprint);
    statement.bind(answer.status).bind(&answer.headers).bind(&answer.body).run().await?;
    Ok(())
}
