use db::Scoped;
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use web::{Json, May, Result, Write};

use super::connection::ConnectionId;
use crate::accounts::Rules;

/// An identity provider of the account. Its secret is told to nobody.
#[derive(Debug, Serialize, FromRow, ToSchema)]
#[schema(as = OidcConnection)]
pub(crate) struct Shown {
    /// Removes it: `DELETE /api/v1/oidc-connections/{id}`.
    #[schema(value_type = uuid::Uuid)]
    pub(super) id: ConnectionId,
    /// Its address.
    #[schema(example = "https://login.acme.test")]
    pub(super) issuer: String,
    /// Who we are to it.
    #[schema(example = "nexo")]
    pub(super) client_id: String,
    /// People with an e-mail of this domain log in there.
    #[schema(example = "acme.test")]
    pub(super) domain: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
}

/// Every identity provider of the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OidcConnections)]
pub(crate) struct Connections {
    data: Vec<Shown>,
}

const LIST: Scoped = Scoped::new(
    "select id, issuer, client_id, domain, created_at from app.oidc_connections
     where account_id = $1 order by created_at desc, id desc limit 200",
);

/// List the account's identity providers.
#[utoipa::path(get, path = "/api/v1/oidc-connections", tag = "oidc-connections")]
pub(crate) async fn oidc_connections(may: May<Write, Rules>) -> Result<Json<Connections>> {
    let mut tx = may.begin_reading().await?;
    let data = tx.read::<Shown>(LIST).all().await?;
    Ok(Json(Connections { data }))
}
