//! Changes of roles. Each locks the account's rights; callers cannot grant what they lack.

use db::{TenantQuery, TenantTx};
use kernel::{Id, UserId};
use resource::{CreatedRecord, Resource as _, ResourceHandle, Versioned};
use uuid::Uuid;
use web::{
    Authorized, Delete, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch, Json, MergePatch, NoContent,
    Path, Replayable, Result, Write,
};

use super::{Role, RoleRefusal};
use crate::rights::{self, Grantor, HeldRole, RightsChange};

const HOLDERS: TenantQuery =
    TenantQuery::new("select user_id from app.member_roles where account_id = $1 and role_id = $2");

/// Create a role of the account.
#[utoipa::path(post, path = "/api/v1/roles", params(IdempotencyKey), tag = "roles")]
pub(crate) async fn create_role(
    auth: Authorized<Write, Role>,
    key: Option<IdempotencyKey>,
    Json(new): Json<Role>,
) -> Result<Replayable<CreatedRecord<Role>>> {
    let idempotent = Idempotent::new(key, &new)?.with_records(Role::ACCESS);
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    rights::lock(&mut tx, auth.who()).await?.authorize_role(&mut tx, &held(Uuid::nil(), &new)).await?;
    let record = resource::insert(&mut tx, &new).await?;
    let made = CreatedRecord::new(&ResourceHandle::of::<Role>(), resource::visible(&mut tx, record).await?);
    idempotent.answer(tx, made).await
}

/// Update a role.
///
/// It takes effect at once: holders get a new access token by a refresh. The role must not exceed the caller's own
/// rights, nor what they could grant to each of its holders.
#[utoipa::path(patch, path = "/api/v1/roles/{id}", params(Id<Role>, IfMatch), tag = "roles",
    request_body(content = ref("#/components/schemas/RolePatch"), content_type = "application/merge-patch+json"))]
pub(crate) async fn update_role(
    auth: Authorized<Write, Role>,
    Path(id): Path<Id<Role>>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Versioned<Role>> {
    let mut tx = auth.begin().await?;
    let author = rights::lock(&mut tx, auth.who()).await?;
    let before = resource::find(&mut tx, id).await?;
    resource::ensure_unchanged(&mut tx, if_match, &before).await?;
    let after: Role = patch.apply_to(&before.data)?;
    let holders = others_role(&mut tx, &author, id, &before.data).await?;
    widen(&mut tx, &author, &held(id.into(), &after), &holders).await?;
    let record = resource::update(&mut tx, &before, &after).await?;
    rights::renew(&mut tx, &holders).await?;
    let shown = resource::visible(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Versioned::new(shown))
}

/// Delete a role that no member holds.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", params(Id<Role>, IfMatch), tag = "roles")]
pub(crate) async fn delete_role(
    auth: Authorized<Delete, Role>,
    Path(id): Path<Id<Role>>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let author = rights::lock(&mut tx, auth.who()).await?;
    let before = resource::find(&mut tx, id).await?;
    resource::ensure_unchanged(&mut tx, if_match, &before).await?;
    if before.data.standard {
        return Err(RoleRefusal::Standard.into());
    }
    if !others_role(&mut tx, &author, id, &before.data).await?.is_empty() {
        return Err(RoleRefusal::InUse.into());
    }
    resource::soft_delete(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// The role's holders. Refuses an author who holds the role or lacks some of its rights.
async fn others_role(tx: &mut TenantTx, author: &Grantor, id: Id<Role>, role: &Role) -> Result<Vec<UserId>> {
    if author.holds(id.into()) && !role.standard {
        return Err(RoleRefusal::OwnRole.into());
    }
    author.reach(&role.rights())?;
    let holders: Vec<(UserId,)> = tx.read(HOLDERS).bind(id).all().await?;
    Ok(holders.into_iter().map(|(holder,)| holder).collect())
}

/// Authorizes the changed role for each of its holders, together with their other roles.
async fn widen(tx: &mut TenantTx, author: &Grantor, role: &HeldRole, holders: &[UserId]) -> Result<()> {
    let mut gains = vec![RightsChange::of_role(role)];
    if !holders.is_empty() {
        let all = rights::of_members(tx, holders).await?;
        gains.extend(all.into_iter().map(|(holder, before)| {
            let after = before.with_role(role);
            RightsChange { to: Some(holder), before, after }
        }));
    }
    author.authorize(tx, &gains).await
}

fn held(id: Uuid, role: &Role) -> HeldRole {
    HeldRole {
        id,
        name: role.name.clone(),
        priority: role.priority,
        standard: role.standard,
        permissions: role.permissions.clone(),
        hidden_fields: role.hidden_fields.clone(),
    }
}
