//! Who may read a record, as things stand now.

use db::{Resource, Scoped, TenantTx};
use identity::{Permissions, Scope};
use kernel::{Id, UserId};

const HELD: Scoped = Scoped::new(
    "select r.permissions from app.memberships m
     join app.member_roles h on h.account_id = m.account_id and h.user_id = m.user_id
     join app.roles r on r.account_id = h.account_id and r.id = h.role_id and r.deleted_at is null
     where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
);

/// How far an active member may read among such records.
pub(super) async fn scope(tx: &mut TenantTx, member: UserId, resource: &str) -> db::Result<Option<Scope>> {
    let held: Vec<(Vec<String>,)> = tx.read(HELD).bind(member).all().await?;
    Ok(Permissions::new(held.iter().flat_map(|(permissions,)| permissions)).scope(resource, "read"))
}

/// Whether the record is there, and an active member may read it.
pub(super) async fn may_read<R: Resource>(tx: &mut TenantTx, id: Id<R>, member: UserId) -> db::Result<bool> {
    let Some(scope) = scope(tx, member, R::NAME).await? else { return Ok(false) };
    match db::find::<R>(tx, id).await {
        Ok(_) => db::belongs_to::<R>(tx, id, member, scope).await,
        Err(db::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
