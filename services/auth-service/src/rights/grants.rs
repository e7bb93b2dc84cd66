//! What a member granted to others: API keys and invitations, which name the member accountable for them.

use db::{Result, TenantCommand, TenantQuery, TenantTx};
use identity::Principal;
use kernel::UserId;

const GRANTED_BY: TenantQuery = TenantQuery::new(
    "select coalesce(granted_by, created_by) from app.api_keys where account_id = $1 and id = $2",
);
const REVOKE_INVITATIONS: TenantCommand = TenantCommand::new(
    "update app.invitations set revoked_at = now()
     where account_id = $1 and coalesce(granted_by, created_by) = $2 and accepted_at is null and revoked_at is null",
);

/// The member who is accountable for what `who` grants: `who`, or the person at the start of a chain of keys.
pub(crate) async fn grantor_of(tx: &mut TenantTx, who: &Principal) -> Result<UserId> {
    if !who.is_key() {
        return Ok(who.user());
    }
    let given: Option<(UserId,)> = tx.read(GRANTED_BY).bind(who.session()).optional().await?;
    Ok(given.map_or(who.user(), |(grantor,)| grantor))
}

/// Revokes all invitations sent by `user`, so that a removed member lets no one in.
pub(crate) async fn revoke_invitations_of(tx: &mut TenantTx, user: UserId) -> Result<()> {
    tx.execute_untracked::<()>(REVOKE_INVITATIONS).bind(user).run().await?;
    Ok(())
}
