use axum::extract::State;
use db::LookUp;
use kernel::AccountId;
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, KnownCaller, Result};

use crate::{App, sessions::person::begin_own};

/// An account that asks me to come in.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct MyInvitation {
    id: Uuid,
    #[schema(value_type = Uuid)]
    account_id: AccountId,
    /// The account's.
    slug: String,
    /// The account's.
    name: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// Every open invitation to my address, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyInvitations {
    data: Vec<MyInvitation>,
}

const MINE: LookUp =
    LookUp::new("select id, account_id, slug, name, expires_at, created_at from app.my_invitations()");

/// List the open invitations to my address.
///
/// The token of the letter accepts one: `POST /api/v1/invitations/accept`. Whoever has lost the letter asks for another.
#[utoipa::path(get, path = "/api/v1/auth/invitations", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn my_invitations(
    State(app): State<App>,
    KnownCaller(caller): KnownCaller,
) -> Result<Json<MyInvitations>> {
    let (mut tx, only) = begin_own(&app, &caller).await?;
    let mut data = tx.look_up::<MyInvitation>(MINE).all().await?;
    data.retain(|one| only.is_none_or(|only| only == one.account_id));
    Ok(Json(MyInvitations { data }))
}
