use db::{Change, TenantCommand};
use uuid::Uuid;
use web::{Authorized, Delete, Error, NoContent, Path, Result};

use super::{Invitation, authorize, list::find};
use crate::rights;

const REVOKE: TenantCommand = TenantCommand::new(
    "update app.invitations set revoked_at = now() where account_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
);

/// Revoke an invitation.
///
/// Requires the right to grant its role.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations")]
pub(crate) async fn revoke_invitation(
    auth: Authorized<Delete, Invitation>,
    Path(id): Path<Uuid>,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let author = rights::lock(&mut tx, auth.who()).await?;
    let invitation = find(&mut tx, id).await?;
    authorize::authorize_role(&mut tx, &author, invitation.role_id).await?;
    let revoked = Change::new("auth.invitation.revoked", "invitation", id, "revoked");
    if tx.execute_audited::<()>(REVOKE, revoked).bind(id).run().await? == 0 {
        return Err(Error::NotFound("invitation"));
    }
    tx.commit().await?;
    Ok(NoContent)
}
