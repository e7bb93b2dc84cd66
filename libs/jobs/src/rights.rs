//! Present rights of a member, for background work without their token.

use db::{TenantQuery, TenantTx};
use identity::Permissions;
use kernel::UserId;

const HELD: TenantQuery = TenantQuery::new(
    "select r.permissions, r.hidden_fields from app.memberships m
     join app.member_roles h on h.account_id = m.account_id and h.user_id = m.user_id
     join app.roles r on r.account_id = h.account_id and r.id = h.role_id and r.deleted_at is null
     where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
);

/// Combined permissions of an active member's roles; `None` for a non-member or without roles.
pub async fn rights_of(tx: &mut TenantTx, member: UserId) -> db::Result<Option<Permissions>> {
    let roles: Vec<(Vec<String>, Vec<String>)> = tx.read(HELD).bind(member).all().await?;
    Ok((!roles.is_empty()).then(|| Permissions::of_roles(&roles)))
}
