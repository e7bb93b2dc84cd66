//! What else changes with a person's second factor: their sessions, and what they are told.

use db::{Change, Ending, LookUp, TenantTx};
use identity::Principal;
use kernel::UserId;
use web::{Error, RequestId, Result};

use crate::{App, password::own};

/// Every token has to be refreshed, since it may now stand for more or for less; and what another session has shown, it
/// has shown without the factor.
const RENEW: Ending = Ending::new(
    "update app.sessions set epoch = epoch + 1,
            authenticated_at = case when id = $3 then authenticated_at else least(authenticated_at, now() - interval '15 minutes') end
     where account_id = $1 and user_id = $2 and revoked_at is null
     returning id, epoch, revoked_at",
);
const EMAIL: LookUp = LookUp::new("select email from app.whoami()");

/// In the account that `who` is in, where it is noted: the factor was `added` or `removed`.
pub(super) async fn here(tx: &mut TenantTx, who: &Principal, action: &'static str) -> Result<()> {
    let change = Change::new(&format!("auth.factor.{action}"), "factor", who.user().into(), action);
    tx.note(change);
    tx.end_sessions(RENEW).bind(who.user()).bind(who.session()).run().await?;
    Ok(())
}

/// In all others of theirs.
pub(super) async fn elsewhere(app: &App, who: &Principal) -> Result<()> {
    let (user, request): (UserId, _) = (who.user(), RequestId(who.request()));
    for account in own::accounts(app, user, request).await? {
        if account != who.account() {
            let mut tx = own::inside(app, account, user, request).await?;
            tx.end_sessions(RENEW).bind(user).bind(who.session()).run().await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// The address of whoever the transaction was entered for.
pub(super) async fn letter_to(tx: &mut TenantTx) -> Result<String> {
    address(tx).await?.ok_or(Error::Unauthenticated)
}

/// The same, where they may be gone.
pub(crate) async fn address(tx: &mut TenantTx) -> db::Result<Option<String>> {
    let found: Option<(String,)> = tx.look_up(EMAIL).optional().await?;
    Ok(found.map(|(email,)| email))
}
