//! Changes to roles. Each takes the account's lock on rights, and nobody gives what they do not have.

use db::{Scoped, TenantTx};
use kernel::{Id, UserId};
use uuid::Uuid;
use web::{
    Answered, Begun, Delete, IdempotencyKey, IfMatch, Json, Made, May, NoContent, Once, Patch, Path, Result,
    Tagged, Write,
};

use super::{Role, RoleRefusal};
use crate::rights::{self, Grantor, HeldRole, RightsChange};

const HOLDERS: Scoped =
    Scoped::new("select user_id from app.member_roles where account_id = $1 and role_id = $2");

/// Make a role.
#[utoipa::path(post, path = "/api/v1/roles", params(IdempotencyKey), tag = "roles")]
pub(crate) async fn create_role(
    may: May<Write, Role>,
    key: Option<IdempotencyKey>,
    Json(new): Json<Role>,
) -> Result<Answered<Made<Role>>> {
    let once = Once::of(key, &new)?;
    let mut tx = match once.begin_with::<Role, _>(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    rights::lock(&mut tx, may.who()).await?.authorize_role(&mut tx, &held(Uuid::nil(), &new)).await?;
    let record = db::insert(&mut tx, &new).await?;
    let made = Made(db::visible(&mut tx, record).await?);
    once.answer_with::<Role, _>(tx, made).await
}

/// Change a role.
///
/// It takes effect at once: whoever holds it gets a new access token by a refresh. Nobody widens it beyond their own rights,
/// nor beyond what they could give to each who holds it.
#[utoipa::path(patch, path = "/api/v1/roles/{id}", params(Id<Role>, IfMatch), tag = "roles",
    request_body(content = Role, content_type = "application/merge-patch+json"))]
pub(crate) async fn change_role(
    may: May<Write, Role>,
    Path(id): Path<Id<Role>>,
    seen: IfMatch,
    patch: Patch,
) -> Result<Tagged<Role>> {
    let mut tx = may.begin().await?;
    let author = rights::lock(&mut tx, may.who()).await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &before).await?;
    let after: Role = patch.onto(&before.data)?;
    let holders = others_role(&mut tx, &author, id, &before.data).await?;
    widen(&mut tx, &author, &held(id.into(), &after), &holders).await?;
    let record = db::change(&mut tx, &before, &after).await?;
    rights::renew(&mut tx, &holders).await?;
    let shown = db::visible(&mut tx, record).await?;
    tx.commit().await?;
    Ok(Tagged(shown))
}

/// Remove a role that nobody holds.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", params(Id<Role>, IfMatch), tag = "roles")]
pub(crate) async fn remove_role(
    may: May<Delete, Role>,
    Path(id): Path<Id<Role>>,
    seen: IfMatch,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let author = rights::lock(&mut tx, may.who()).await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &before).await?;
    if before.data.standard {
        return Err(RoleRefusal::Standard.into());
    }
    if !others_role(&mut tx, &author, id, &before.data).await?.is_empty() {
        return Err(RoleRefusal::InUse.into());
    }
    db::remove(&mut tx, &before).await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Whoever holds the role, provided that `author` may do at least as much and does not hold it.
async fn others_role(tx: &mut TenantTx, author: &Grantor, id: Id<Role>, role: &Role) -> Result<Vec<UserId>> {
    if author.holds(id.into()) && !role.standard {
        return Err(RoleRefusal::OwnRole.into());
    }
    author.reach(&role.rights())?;
    let holders: Vec<(UserId,)> = tx.read(HOLDERS).bind(id).all().await?;
    Ok(holders.into_iter().map(|(holder,)| holder).collect())
}

/// Grants the changed role to each of its holders, beside their other roles.
async fn widen(tx: &mut TenantTx, author: &Grantor, role: &HeldRole, holders: &[UserId]) -> Result<()> {
    let mut gains = vec![RightsChange::of_role(role)];
    if !holders.is_empty() {
        let all = rights::of_members(tx, holders).await?;
        gains.extend(all.into_iter().map(|(holder, before)| {
            let after = before.with(role);
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
