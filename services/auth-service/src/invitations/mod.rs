//! Invitations: how a person joins an existing account.

mod accept;
mod authorize;
mod invite;
mod list;
mod mine;
mod revoke;
mod token;

use db::FromRow;
use kernel::UserId;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
pub(crate) use list::Invitations;
pub(crate) use mine::MyInvitations;

/// An invitation to the account.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Invitation {
    id: Uuid,
    email: String,
    role_id: Uuid,
    role: String,
    /// Status of the invitation: `open`, `accepted`, `revoked` or `expired`.
    #[schema(example = "open")]
    status: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// User who created the invitation.
    created_by: Uuid,
    /// Grantor whose rights are checked on acceptance: the user who sent it last.
    #[schema(value_type = Uuid)]
    granted_by: UserId,
    /// Why the invitation cannot be accepted at present, though it is `open`.
    #[column(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_reason: Option<String>,
}

impl web::ResourceName for Invitation {
    const NAME: &'static str = "invitation";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_invitations, invite::create_invitation))
        .routes(routes!(revoke::revoke_invitation))
        .routes(routes!(invite::resend_invitation))
        .routes(routes!(mine::list_my_invitations))
        .routes(routes!(accept::accept_invitation))
        .routes(routes!(accept::register_by_invitation))
}
