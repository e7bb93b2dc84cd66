use db::{Change, ScopedWrite, TenantTx};
use kernel::UserId;
use uuid::Uuid;
use web::{Delete, Error, May, NoContent, Path, Result};

use super::{Invitation, authorize, list::find};
use crate::rights;

const REVOKE: ScopedWrite = ScopedWrite::new(
    "update app.invitations set revoked_at = now() where account_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
);
const REVOKE_ALL: ScopedWrite = ScopedWrite::new(
    "update app.invitations set revoked_at = now()
     where account_id = $1 and coalesce(granted_by, created_by) = $2 and accepted_at is null and revoked_at is null",
);

/// Take an invitation back.
///
/// By whoever could give what it gives.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations")]
pub(crate) async fn revoke_invitation(
    may: May<Delete, Invitation>,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let author = rights::lock(&mut tx, may.who()).await?;
    let invitation = find(&mut tx, id).await?;
    authorize::authorize_role(&mut tx, &author, invitation.role_id).await?;
    let revoked = Change::new("auth.invitation.revoked", "invitation", id, "revoked");
    if tx.write_noted::<()>(REVOKE, revoked).bind(id).run().await? == 0 {
        return Err(Error::NotFound("invitation"));
    }
    tx.commit().await?;
    Ok(NoContent)
}

/// Takes back whatever `user` has invited people to: whoever is out lets nobody in.
pub(crate) async fn revoke_all_of(tx: &mut TenantTx, user: UserId) -> Result<()> {
    tx.write_unnoted::<()>(REVOKE_ALL).bind(user).run().await?;
    Ok(())
}
