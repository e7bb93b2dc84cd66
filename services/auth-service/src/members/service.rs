use db::{Change, LookUp, ScopedWrite};
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Answered, Begun, Created, IdempotencyKey, Json, May, Once, Result, Shown, Write};

use super::{
    Member, MemberRefusal, Membership,
    change::{give, roles},
    find, shown,
};
use crate::rights::{self, HeldRole, Rights, RightsChange};

/// A program that is to work in the account.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewService {
    /// What others call it.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Warehouse")]
    name: String,
    /// What it is to be: roles that reach no further than your own rights.
    #[validate(length(max = 20))]
    role_ids: Vec<Uuid>,
}

const ADD: LookUp = LookUp::new("select from app.add_service($1, $2)");
const JOIN: ScopedWrite =
    ScopedWrite::new("insert into app.memberships (account_id, user_id) values ($1, $2)");

/// Add a service account: a member who is a program.
///
/// It has no password and no mailbox, and comes in by API keys alone; they stay when whoever made them goes. It is changed and
/// removed like every member, and never owns the account.
#[utoipa::path(post, path = "/api/v1/service-accounts", params(IdempotencyKey), tag = "members")]
pub(crate) async fn add_service_account(
    may: May<Write, Membership>,
    key: Option<IdempotencyKey>,
    Json(new): Json<NewService>,
) -> Result<Answered<Created<Shown<Member>>>> {
    let once = Once::of(key, &new)?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let author = rights::lock(&mut tx, may.who()).await?;
    let roles = roles(&mut tx, &new.role_ids).await?;
    author.authorize(&mut tx, &RightsChange::of_roles(None, Rights::default(), &roles)).await?;
    if roles.iter().any(HeldRole::is_owner) {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    let id = UserId::new();
    tx.look_up::<()>(ADD).bind(id).bind(&new.name).run().await?;
    let added = Change::new("auth.member.added", "member", id.into(), "added");
    let added = added.with(json!({ "name": new.name, "kind": "service", "roles": new.role_ids }));
    tx.write_noted::<()>(JOIN, added).bind(id).run().await?;
    give(&mut tx, id, &roles).await?;
    let member = find(&mut tx, id).await?;
    let member = may.shown(shown(&mut tx, member).await?.1)?;
    once.answer(tx, Created(format!("/api/v1/members/{id}"), member)).await
}
