//! API keys: how programs come in. A key belongs to a member and does what both it and that member may.
//!
//! To every service a key is a session of its own, which lives as long as the key: what ends sessions for lack of rights
//! ends keys, and a key that was revoked is refused with the very next request.

mod create;
mod exchange;
mod list;
mod revoke;

use kernel::{SessionId, UserId};
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
pub(crate) use create::MadeKey;
pub(crate) use exchange::KeyToken;
pub(crate) use list::ApiKeys;

/// A key, but for its secret.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct ApiKey {
    /// Revokes it: `DELETE /api/v1/api-keys/{id}`.
    #[schema(value_type = Uuid)]
    id: SessionId,
    /// For whom it acts.
    #[schema(value_type = Uuid)]
    member_id: UserId,
    /// What it is for.
    #[schema(example = "Nightly import")]
    name: String,
    /// What it may do, where its member may.
    #[schema(example = json!(["client:read", "client:write@own"]))]
    permissions: Vec<String>,
    /// `active`, `revoked` or `expired`.
    #[schema(example = "active")]
    status: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    /// When it was last exchanged for an access token, to the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    /// Whence.
    last_used_ip: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Who made it.
    created_by: Uuid,
}

impl web::Subject for ApiKey {
    const NAME: &'static str = "api_key";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_api_keys, create::create_api_key))
        .routes(routes!(revoke::revoke_api_key))
        .routes(routes!(exchange::exchange_api_key))
}
