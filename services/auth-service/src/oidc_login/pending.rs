//! Pending logins: started here, not yet finished at the provider.

use aws_lc_rs::digest::{SHA256, digest};
use db::{FromRow, LookupFunction, Reason};
use kernel::AccountId;
use web::{Error, Result};

use crate::{
    App, AuthRefusal,
    oidc::{
        Parts,
        connection::{ConnectionId, unsealed},
        person::PendingProof,
    },
};

/// A pending login, retrieved by its state.
pub(super) struct Pending {
    pub(super) account: AccountId,
    pub(super) connection: ConnectionId,
    pub(super) proof: PendingProof,
}

#[derive(FromRow)]
struct TakenLogin {
    account_id: AccountId,
    connection_id: ConnectionId,
    sealed: Vec<u8>,
}

const KEEP: LookupFunction = LookupFunction::new("select from app.keep_oidc_login($1, $2, $3, $4)");
const TAKE: LookupFunction =
    LookupFunction::new("select account_id, connection_id, sealed from app.take_oidc_login($1)");

/// Stores a login until the browser returns with its state.
pub(super) async fn keep(app: &App, parts: &Parts, state: &str, pending: &Pending) -> Result<()> {
    let hash = hash(state);
    let proof = serde_json::to_vec(&pending.proof).map_err(|error| Error::Internal(error.into()))?;
    let sealed = parts.sealer.seal(&hash, &proof).map_err(unsealed)?;
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.begin_unscoped(Reason::SignIn).await?;
    let kept = tx.ask::<()>(KEEP, |row| {
        row.bind(hash);
        row.bind(pending.account);
        row.bind(pending.connection);
        row.bind(sealed);
    });
    kept.await?;
    Ok(tx.commit().await?)
}

/// Consumes the login of a state; a second attempt with the state fails.
pub(super) async fn take(app: &App, parts: &Parts, state: &str) -> Result<Pending> {
    let hash = hash(state);
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.begin_unscoped(Reason::SignIn).await?;
    let taken: Option<TakenLogin> = tx.ask(TAKE, |row| row.bind(&hash)).await?;
    tx.commit().await?;
    let TakenLogin { account_id, connection_id, sealed } = taken.ok_or(AuthRefusal::OidcLoginFailed)?;
    let proof = parts.sealer.open(&hash, &sealed).map_err(unsealed)?;
    let proof = serde_json::from_slice(&proof).map_err(|error| Error::Internal(error.into()))?;
    Ok(Pending { account: account_id, connection: connection_id, proof })
}

fn hash(state: &str) -> Vec<u8> {
    digest(&SHA256, state.as_bytes()).as_ref().to_vec()
}
