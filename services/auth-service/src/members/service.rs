use db::{Change, LookupFunction, TenantCommand};
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{
    Authorized, Created, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, Redacted, Replayable, Result,
    Write,
};

use super::{Member, MemberRefusal, Membership, change::insert_roles, find, shown};
use crate::{
    rights::{self, HeldRole, Rights, RightsChange},
    roles,
};

/// Request to add a service account.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateServiceAccountRequest {
    /// Name of the service account, shown to members.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Warehouse", min_length = 1, max_length = 200)]
    name: String,
    /// Ids of its roles, which must not exceed the caller's own rights.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    role_ids: Vec<Uuid>,
}

const ADD: LookupFunction = LookupFunction::new("select from app.add_service($1, $2)");
const JOIN: TenantCommand =
    TenantCommand::new("insert into app.memberships (account_id, user_id) values ($1, $2)");

/// Add a service account: a member that is a program.
///
/// It has no password and no mailbox, and authenticates with API keys only. The keys stay valid when their creator
/// leaves. It is changed and removed like any other member, but cannot own the account.
#[utoipa::path(post, path = "/api/v1/service-accounts", params(IdempotencyKey), tag = "members")]
pub(crate) async fn create_service_account(
    auth: Authorized<Write, Membership>,
    key: Option<IdempotencyKey>,
    Json(new): Json<CreateServiceAccountRequest>,
) -> Result<Replayable<Created<Redacted<Member>>>> {
    let idempotent = Idempotent::new(key, &new)?;
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let author = rights::lock(&mut tx, auth.who()).await?;
    let roles = roles::find_all(&mut tx, &new.role_ids, "/role_ids").await?;
    author.authorize(&mut tx, &RightsChange::of_roles(None, Rights::default(), &roles)).await?;
    if roles.iter().any(HeldRole::is_owner) {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    let id = UserId::new();
    tx.look_up::<()>(ADD).bind(id).bind(&new.name).run().await?;
    let added = Change::new("auth.member.added", "member", id.into(), "added");
    let added = added.with(json!({ "name": new.name, "kind": "service", "roles": new.role_ids }));
    tx.execute_audited::<()>(JOIN, added).bind(id).run().await?;
    insert_roles(&mut tx, id, &roles).await?;
    let member = find(&mut tx, id).await?;
    let member = auth.shown(shown(&mut tx, member).await?.1)?;
    idempotent.answer(tx, Created(format!("/api/v1/members/{id}"), member)).await
}
