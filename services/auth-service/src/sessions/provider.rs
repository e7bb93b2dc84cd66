//! Sessions opened at an account's own identity provider, which vouches for the user in this account alone.

use db::{TenantCommand, TenantQuery, TenantTx};
use identity::Principal;
use kernel::SessionId;
use web::Result;

const VIA: TenantQuery = TenantQuery::new("select via from app.sessions where account_id = $1 and id = $2");
const AT_PROVIDER: TenantCommand =
    TenantCommand::new("update app.sessions set via = 'provider' where account_id = $1 and id = $2");

/// True if the session was opened at the account's own identity provider. Its operator vouches for the user in this
/// account alone, so such a session must not lead to another account.
pub(crate) async fn is_of_provider(tx: &mut TenantTx, who: &Principal) -> Result<bool> {
    let via: Option<(String,)> = tx.read(VIA).bind(who.session()).optional().await?;
    Ok(via.is_none_or(|(via,)| via == "provider"))
}

/// Marks a session opened by the account's identity provider.
pub(crate) async fn mark_as_of_provider(tx: &mut TenantTx, session: SessionId) -> Result<()> {
    tx.execute_untracked::<()>(AT_PROVIDER).bind(session).run().await?;
    Ok(())
}
