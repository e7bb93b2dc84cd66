use db::{Change, SessionRevocation};
use kernel::SessionId;
use web::{Authorized, Delete, Error, NoContent, Path, Result};

use super::ApiKey;

const REVOKE: SessionRevocation = SessionRevocation::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'ended'
     where account_id = $1 and id = $2 and kind = 'api_key' and revoked_at is null
     returning id, epoch, revoked_at",
);

/// Revoke an API key.
///
/// The next request with it is rejected, also one with an access token that the key was exchanged for.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys",
    params(("id" = uuid::Uuid, Path, description = "The key")))]
pub(crate) async fn revoke_api_key(
    auth: Authorized<Delete, ApiKey>,
    Path(id): Path<SessionId>,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let revoked = Change::new("auth.api_key.revoked", "api_key", id.into(), "revoked");
    if tx.revoke_sessions(REVOKE).bind(id).run().await? == 0 {
        return Err(Error::NotFound("API key"));
    }
    tx.audit(revoked);
    tx.commit().await?;
    Ok(NoContent)
}
