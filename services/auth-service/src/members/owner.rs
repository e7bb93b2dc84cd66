use db::{Change, TenantCommand};
use kernel::UserId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;
use web::{
    Authorized, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, NoContent, Replayable, Result, Write,
};

use super::{MemberRefusal, Membership, find, is_service};
use crate::{
    rights::{self, RightsRefusal},
    sessions::require_recent_login,
};

/// Request to transfer the ownership of the account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferOwnershipRequest {
    /// New owner: another active member, who must be a person.
    #[schema(value_type = uuid::Uuid)]
    member_id: UserId,
}

/// The successor becomes an owner; the previous owner becomes an administrator.
const TRANSFER: TenantCommand = TenantCommand::new(
    "with standard as (select id, name from app.roles where account_id = $1 and standard),
          gone as (delete from app.member_roles where account_id = $1 and user_id = $2 and role_id = (select id from standard where name = 'owner'))
     insert into app.member_roles (account_id, user_id, role_id)
     select $1, $2::uuid, id from standard where name = 'admin'
     union all select $1, $3::uuid, id from standard where name = 'owner'
     on conflict do nothing",
);

/// Transfer the ownership of the account to another member.
///
/// The new owner gets the owner role; the caller becomes an administrator. Needs a recent login: see `POST
/// /api/v1/auth/step-up`.
#[utoipa::path(
    post,
    path = "/api/v1/account/ownership-transfers",
    params(IdempotencyKey),
    responses(web::openapi::NotFoundResponse),
    tag = "account"
)]
pub(crate) async fn transfer_ownership(
    auth: Authorized<Write, Membership>,
    key: Option<IdempotencyKey>,
    Json(TransferOwnershipRequest { member_id }): Json<TransferOwnershipRequest>,
) -> Result<Replayable<NoContent>> {
    let idempotent = Idempotent::new(key, &member_id)?;
    let who = auth.who();
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    require_recent_login(&mut tx, who).await?;
    if !rights::lock(&mut tx, who).await?.is_owner() {
        return Err(RightsRefusal::OwnersOnly.into());
    }
    let heir = find(&mut tx, member_id).await?;
    if member_id == who.user() || heir.status != "active" || is_service(&mut tx, member_id).await? {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    let change = Change::new("auth.account.transferred", "account", who.account().into(), "transferred")
        .from(json!({ "owner": who.user() }))
        .with(json!({ "owner": member_id }));
    tx.execute_audited::<()>(TRANSFER, change).bind(who.user()).bind(member_id).run().await?;
    rights::renew(&mut tx, &[who.user(), member_id]).await?;
    idempotent.answer(tx, NoContent).await
}
