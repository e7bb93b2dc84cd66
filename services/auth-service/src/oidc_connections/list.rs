use db::{FromRow, TenantQuery};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Authorized, Json, Result, Write};

use crate::{accounts::Rules, oidc::connection::ConnectionId};

/// An identity provider of the account. Its secret is never returned.
#[derive(Debug, Serialize, FromRow, ToSchema)]
#[schema(as = OidcConnection)]
pub(crate) struct OidcConnection {
    /// Id of the connection; remove it with `DELETE /api/v1/oidc-connections/{id}`.
    #[schema(value_type = uuid::Uuid)]
    pub(super) id: ConnectionId,
    /// Issuer URL of the provider.
    #[schema(example = "https://login.acme.test")]
    pub(super) issuer: String,
    /// Client id of NEXO at the provider.
    #[schema(example = "nexo")]
    pub(super) client_id: String,
    /// Users with an e-mail of this domain log in there.
    #[schema(example = "acme.test")]
    pub(super) domain: String,
    /// Time when the connection was created (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
}

/// All identity providers of the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OidcConnections)]
pub(crate) struct OidcConnectionList {
    data: Vec<OidcConnection>,
}

const LIST: TenantQuery = TenantQuery::new(
    "select id, issuer, client_id, domain, created_at from app.oidc_connections
     where account_id = $1 order by created_at desc, id desc limit 200",
);

/// List the account's identity providers.
#[utoipa::path(get, path = "/api/v1/oidc-connections", tag = "oidc-connections")]
pub(crate) async fn list_oidc_connections(
    auth: Authorized<Write, Rules>,
) -> Result<Json<OidcConnectionList>> {
    let mut tx = auth.begin_read_only().await?;
    let data = tx.read::<OidcConnection>(LIST).all().await?;
    Ok(Json(OidcConnectionList { data }))
}
