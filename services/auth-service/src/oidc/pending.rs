//! Logins on their way: begun here, now at the provider.

use aws_lc_rs::digest::{SHA256, digest};
use db::{LookUp, Reason};
use kernel::AccountId;
use openidconnect::{Nonce, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use web::{Error, Result};

use super::{
    Parts,
    connection::{ConnectionId, unsealed},
};
use crate::{App, AuthRefusal};

/// What proves that a code was given for this login.
#[derive(Serialize, Deserialize)]
pub(super) struct Proof {
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

/// A login that somebody comes back with.
pub(super) struct Pending {
    pub(super) account: AccountId,
    pub(super) connection: ConnectionId,
    pub(super) proof: Proof,
}

#[derive(FromRow)]
struct Taken {
    account_id: AccountId,
    connection_id: ConnectionId,
    sealed: Vec<u8>,
}

/// A row without columns.
#[derive(FromRow)]
struct Nothing {}

const KEEP: LookUp = LookUp::new("select from app.keep_oidc_login($1, $2, $3, $4)");
const TAKE: LookUp = LookUp::new("select account_id, connection_id, sealed from app.take_oidc_login($1)");

/// Keeps a login until somebody comes back with its state.
pub(super) async fn keep(app: &App, parts: &Parts, state: &str, pending: &Pending) -> Result<()> {
    let hash = hash(state);
    let proof = serde_json::to_vec(&pending.proof).map_err(|error| Error::Internal(error.into()))?;
    let sealed = parts.sealer.seal(&hash, &proof).map_err(unsealed)?;
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.system(Reason::SignIn).await?;
    let kept = tx.ask::<Nothing>(KEEP, |row| {
        row.put(hash);
        row.put(pending.account);
        row.put(pending.connection);
        row.put(sealed);
    });
    kept.await?;
    Ok(tx.commit().await?)
}

/// Takes the login of a state, so that nobody takes it a second time.
pub(super) async fn take(app: &App, parts: &Parts, state: &str) -> Result<Pending> {
    let hash = hash(state);
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.system(Reason::SignIn).await?;
    let taken: Option<Taken> = tx.ask(TAKE, |row| row.put(&hash)).await?;
    tx.commit().await?;
    let Taken { account_id, connection_id, sealed } = taken.ok_or(AuthRefusal::OidcLoginFailed)?;
    let proof = parts.sealer.open(&hash, &sealed).map_err(unsealed)?;
    let proof = serde_json::from_slice(&proof).map_err(|error| Error::Internal(error.into()))?;
    Ok(Pending { account: account_id, connection: connection_id, proof })
}

fn hash(state: &str) -> Vec<u8> {
    digest(&SHA256, state.as_bytes()).as_ref().to_vec()
}
