//! API keys: authentication of programs. A key belongs to a member and grants what both it and that member may.
//!
//! To every service a key is a session of its own with the key's lifetime. What revokes sessions for lack of rights
//! also revokes keys, and a revoked key is rejected from the next request.

mod create;
mod exchange;
mod list;
mod revoke;

use db::FromRow;
use kernel::{SessionId, UserId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
pub(crate) use create::CreatedApiKey;
pub(crate) use exchange::ApiKeyToken;
pub(crate) use list::ApiKeys;

/// An API key, without its secret.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct ApiKey {
    /// Id of the key; revoke it with `DELETE /api/v1/api-keys/{id}`.
    #[schema(value_type = Uuid)]
    id: SessionId,
    /// Member that the key acts for.
    #[schema(value_type = Uuid)]
    member_id: UserId,
    /// Purpose of the key, chosen by its creator.
    #[schema(example = "Nightly import")]
    name: String,
    /// Permissions of the key, limited by those of its member.
    #[schema(example = json!(["client:read", "client:write@own"]))]
    permissions: Vec<String>,
    /// Status of the key: `active`, `revoked` or `expired`.
    #[schema(example = "active")]
    status: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    /// Time of the last exchange for an access token, to the minute (UTC).
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    /// Client address of the last use.
    last_used_ip: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// User who created the key.
    created_by: Uuid,
}

impl web::ResourceName for ApiKey {
    const NAME: &'static str = "api_key";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_api_keys, create::create_api_key))
        .routes(routes!(revoke::revoke_api_key))
        .routes(routes!(exchange::exchange_api_key))
}
