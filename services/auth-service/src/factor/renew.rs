//! Effects of a changed second factor on a user's sessions, and the notification address.

use db::{Change, SessionRevocation, TenantTx};
use identity::Principal;
use kernel::UserId;
use web::{Error, RequestId, Result};

use crate::{App, user_accounts, users};

/// Forces a refresh of every access token, since its rights may have changed. The user's other sessions no longer count
/// as recently authenticated, because they never presented the factor.
const RENEW: SessionRevocation = SessionRevocation::new(
    "update app.sessions set epoch = epoch + 1,
            authenticated_at = case when id = $3 then authenticated_at else least(authenticated_at, now() - interval '15 minutes') end
     where account_id = $1 and user_id = $2 and revoked_at is null
     returning id, epoch, revoked_at",
);

/// Applies the change in the current account and audits it; `action` is `added` or `removed`.
pub(super) async fn here(tx: &mut TenantTx, who: &Principal, action: &'static str) -> Result<()> {
    let change = Change::new(&format!("auth.factor.{action}"), "factor", who.user().into(), action);
    tx.audit(change);
    tx.revoke_sessions(RENEW).bind(who.user()).bind(who.session()).run().await?;
    Ok(())
}

/// Revokes the access tokens of `who` in all their other accounts.
pub(super) async fn elsewhere(app: &App, who: &Principal) -> Result<()> {
    let (user, request): (UserId, _) = (who.user(), RequestId(who.request()));
    for account in user_accounts::list(&app.db, user, request).await? {
        if account != who.account() {
            let mut tx = user_accounts::enter(&app.db, account, user, request).await?;
            tx.revoke_sessions(RENEW).bind(user).bind(who.session()).run().await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// E-mail address of the transaction's user.
pub(super) async fn letter_to(tx: &mut TenantTx) -> Result<String> {
    users::email(tx).await?.ok_or(Error::Unauthenticated)
}
