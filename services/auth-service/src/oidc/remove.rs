use axum::extract::State;
use db::{Change, LookUp, ScopedWrite};
use web::{Error, NoContent, Path, Result};

use super::{administrator::Administrator, connection::ConnectionId};
use crate::App;

const REMOVE: ScopedWrite =
    ScopedWrite::new("delete from app.oidc_connections where account_id = $1 and id = $2");
const UNBIND: LookUp = LookUp::new("select from app.unbind_oidc_domain($1)");

/// Disconnect the account from an identity provider.
///
/// Nobody logs in there any more, and the domain is free. Sessions that are open stay open.
#[utoipa::path(delete, path = "/api/v1/oidc-connections/{id}", tag = "oidc-connections",
    params(("id" = uuid::Uuid, Path, description = "The connection")))]
pub(crate) async fn remove_oidc_connection(
    State(app): State<App>,
    Administrator(who): Administrator,
    Path(id): Path<ConnectionId>,
) -> Result<NoContent> {
    let mut tx = app.db.begin(&who).await?;
    let removed = Change::new("auth.oidc_connection.removed", "oidc_connection", id.into(), "removed");
    if tx.write_noted::<()>(REMOVE, removed).bind(id).run().await? == 0 {
        return Err(Error::NotFound("connection"));
    }
    tx.look_up::<()>(UNBIND).bind(id).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}
