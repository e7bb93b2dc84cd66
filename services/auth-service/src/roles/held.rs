//! Roles as members hold them: looked up by id.

use db::{TenantQuery, TenantTx};
use uuid::Uuid;
use web::Result;

use super::RoleRefusal;
use crate::rights::HeldRole;

const ROLES: TenantQuery = TenantQuery::new(
    "select id, name, priority, standard, permissions, hidden_fields from app.roles
     where account_id = $1 and id = any ($2) and deleted_at is null",
);

/// Loads the account's roles by id; rejects the request if one of them does not exist. `pointer` is their place in the body.
pub(crate) async fn find_all(
    tx: &mut TenantTx,
    wanted: &[Uuid],
    pointer: &'static str,
) -> Result<Vec<HeldRole>> {
    let mut ids = wanted.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let roles = find_known(tx, &ids).await?;
    if roles.len() == ids.len() { Ok(roles) } else { Err(RoleRefusal::Unknown(pointer).into()) }
}

/// Loads the account's roles with these ids; unknown ids are skipped.
pub(crate) async fn find_known(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<HeldRole>> {
    Ok(tx.read::<HeldRole>(ROLES).bind(ids).all().await?)
}
