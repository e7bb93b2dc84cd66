use db::{Change, LookUp, ScopedWrite};
use web::{Error, May, NoContent, Path, Result, Write};

use super::connection::ConnectionId;
use crate::{accounts::Rules, sessions::fresh};

const REMOVE: ScopedWrite =
    ScopedWrite::new("delete from app.oidc_connections where account_id = $1 and id = $2");
const UNBIND: LookUp = LookUp::new("select from app.unbind_oidc_domain($1)");

/// Disconnect the account from an identity provider.
///
/// Nobody logs in there any more, and the domain is free. Sessions that are open stay open. Needs a fresh session: see
/// `POST /api/v1/auth/step-up`.
#[utoipa::path(delete, path = "/api/v1/oidc-connections/{id}", tag = "oidc-connections",
    params(("id" = uuid::Uuid, Path, description = "The connection")))]
pub(crate) async fn remove_oidc_connection(
    may: May<Write, Rules>,
    Path(id): Path<ConnectionId>,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    fresh(&mut tx, may.who()).await?;
    let removed = Change::new("auth.oidc_connection.removed", "oidc_connection", id.into(), "removed");
    if tx.write_noted::<()>(REMOVE, removed).bind(id).run().await? == 0 {
        return Err(Error::NotFound("connection"));
    }
    tx.look_up::<()>(UNBIND).bind(id).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}
