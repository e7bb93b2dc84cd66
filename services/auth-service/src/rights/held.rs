//! Rights of members: those of the roles that they have.

use std::collections::HashSet;

use db::{Json, Result, TenantQuery, TenantTx};
use kernel::UserId;
use uuid::Uuid;

use super::{HeldRole, Rights};

/// Returns one row for an active member, and none otherwise.
const HELD: TenantQuery = TenantQuery::new(concat!(
    "select ",
    db::held_roles!(),
    "
     from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
));
const HELD_BY_ALL: TenantQuery = TenantQuery::new(concat!(
    "select m.user_id,
            ",
    db::held_roles!(),
    "
     from app.memberships m where m.account_id = $1 and m.user_id = any ($2) and m.status <> 'removed'",
));

/// The rights of an active member; `None` for everyone else.
pub(crate) async fn of(tx: &mut TenantTx, user: UserId) -> Result<Option<Rights>> {
    let held: Option<(Json<Vec<HeldRole>>,)> = tx.read(HELD).bind(user).optional().await?;
    Ok(held.map(|(Json(roles),)| Rights::from_roles(roles)))
}

/// The rights of these members, including suspended ones, since they may become active again.
pub(crate) async fn of_members(tx: &mut TenantTx, users: &[UserId]) -> Result<Vec<(UserId, Rights)>> {
    let users: HashSet<Uuid> = users.iter().map(|user| (*user).into()).collect();
    let users: Vec<Uuid> = users.into_iter().collect();
    let held: Vec<(UserId, Json<Vec<HeldRole>>)> = tx.read(HELD_BY_ALL).bind(users).all().await?;
    Ok(held.into_iter().map(|(user, Json(roles))| (user, Rights::from_roles(roles))).collect())
}
