use db::{Change, ScopedWrite};
use kernel::UserId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;
use web::{Answered, Begun, IdempotencyKey, Json, May, NoContent, Once, Result, Write};

use super::{MemberRefusal, Membership, find, is_service};
use crate::{rights, sessions::fresh};

/// Who is to own the account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    /// Another active member.
    #[schema(value_type = uuid::Uuid)]
    member_id: UserId,
}

/// The successor becomes an owner; whoever was it becomes an administrator.
const TRANSFER: ScopedWrite = ScopedWrite::new(
    "with standard as (select id, name from app.roles where account_id = $1 and standard),
          gone as (delete from app.member_roles where account_id = $1 and user_id = $2 and role_id = (select id from standard where name = 'owner'))
     insert into app.member_roles (account_id, user_id, role_id)
     select $1, $2::uuid, id from standard where name = 'admin'
     union all select $1, $3::uuid, id from standard where name = 'owner'
     on conflict do nothing",
);

/// Hand the account over to another member.
///
/// They become its owner, and you an administrator. Needs a fresh session: see `POST /api/v1/auth/step-up`.
#[utoipa::path(post, path = "/api/v1/account/ownership-transfers", params(IdempotencyKey), tag = "account")]
pub(crate) async fn transfer_ownership(
    may: May<Write, Membership>,
    key: Option<IdempotencyKey>,
    Json(Transfer { member_id }): Json<Transfer>,
) -> Result<Answered<NoContent>> {
    let once = Once::of(key, &member_id)?;
    let who = may.who();
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    fresh(&mut tx, who).await?;
    if !rights::lock(&mut tx, who).await?.is_owner() {
        return Err(MemberRefusal::OwnersOnly.into());
    }
    let heir = find(&mut tx, member_id).await?;
    if member_id == who.user() || heir.status != "active" || is_service(&mut tx, member_id).await? {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    let change = Change::new("auth.account.transferred", "account", who.account().into(), "transferred")
        .from(json!({ "owner": who.user() }))
        .with(json!({ "owner": member_id }));
    tx.write_noted::<()>(TRANSFER, change).bind(who.user()).bind(member_id).run().await?;
    rights::renew(&mut tx, &[who.user(), member_id]).await?;
    once.answer(tx, NoContent).await
}
