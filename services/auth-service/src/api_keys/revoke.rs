use db::{Change, Ending};
use kernel::SessionId;
use web::{Delete, Error, May, NoContent, Path, Result};

use super::ApiKey;

const REVOKE: Ending = Ending::new(
    "update app.sessions set revoked_at = now(), revoked_for = 'ended'
     where account_id = $1 and id = $2 and kind = 'api_key' and revoked_at is null
     returning id, epoch, revoked_at",
);

/// Revoke an API key.
///
/// The very next request is refused, also one with an access token that the key was exchanged for.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys",
    params(("id" = uuid::Uuid, Path, description = "The key")))]
pub(crate) async fn revoke_api_key(may: May<Delete, ApiKey>, Path(id): Path<SessionId>) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let revoked = Change::new("auth.api_key.revoked", "api_key", id.into(), "revoked");
    if tx.end_sessions(REVOKE).bind(id).run().await? == 0 {
        return Err(Error::NotFound("API key"));
    }
    tx.note(revoked);
    tx.commit().await?;
    Ok(NoContent)
}
