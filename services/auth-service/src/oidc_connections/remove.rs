use db::{Change, LookupFunction, TenantCommand};
use web::{Authorized, Error, NoContent, Path, Result, Write};

use crate::{accounts::Rules, oidc::connection::ConnectionId, sessions::require_recent_login};

const REMOVE: TenantCommand =
    TenantCommand::new("delete from app.oidc_connections where account_id = $1 and id = $2");
const UNBIND: LookupFunction = LookupFunction::new("select from app.unbind_oidc_domain($1)");

/// Disconnect the account from an identity provider.
///
/// Logins there stop working, and the domain becomes available. Open sessions stay open. Needs a recent login: see
/// `POST /api/v1/auth/step-up`.
#[utoipa::path(delete, path = "/api/v1/oidc-connections/{id}", tag = "oidc-connections",
    params(("id" = uuid::Uuid, Path, description = "The connection")))]
pub(crate) async fn delete_oidc_connection(
    auth: Authorized<Write, Rules>,
    Path(id): Path<ConnectionId>,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    require_recent_login(&mut tx, auth.who()).await?;
    let removed = Change::new("auth.oidc_connection.removed", "oidc_connection", id.into(), "removed");
    if tx.execute_audited::<()>(REMOVE, removed).bind(id).run().await? == 0 {
        return Err(Error::NotFound("connection"));
    }
    tx.look_up::<()>(UNBIND).bind(id).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}
