use axum::extract::State;
use db::{FromRow, LookupFunction};
use kernel::AccountId;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{AnyUser, Json, Result};

use crate::{App, sessions::person::begin_own};

/// An open invitation of the caller, as its recipient sees it.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct MyInvitation {
    id: Uuid,
    #[schema(value_type = Uuid)]
    account_id: AccountId,
    /// Slug of the inviting account.
    slug: String,
    /// Name of the inviting account.
    name: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// All open invitations to the caller's address, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyInvitations {
    data: Vec<MyInvitation>,
}

const MINE: LookupFunction = LookupFunction::new(
    "select id, account_id, slug, name, expires_at, created_at from app.my_invitations()",
);

/// List the open invitations to the caller's address.
///
/// Accept one with the token from its e-mail: `POST /api/v1/invitations/accept`. If the e-mail is lost, ask the account
/// to resend it.
#[utoipa::path(get, path = "/api/v1/auth/invitations", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn list_my_invitations(
    State(app): State<App>,
    AnyUser(caller): AnyUser,
) -> Result<Json<MyInvitations>> {
    let (mut tx, only) = begin_own(&app, &caller).await?;
    let mut data = tx.look_up::<MyInvitation>(MINE).all().await?;
    data.retain(|one| only.is_none_or(|only| only == one.account_id));
    Ok(Json(MyInvitations { data }))
}
