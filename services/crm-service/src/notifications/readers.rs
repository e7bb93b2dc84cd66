//! Present read access of members to a record.

use db::TenantTx;
use kernel::{Id, UserId};
use resource::Resource;

/// True if the record exists and an active member may read it.
pub(super) async fn may_read<R: Resource>(tx: &mut TenantTx, id: Id<R>, member: UserId) -> db::Result<bool> {
    let Some(rights) = tx.rights_of(member).await? else { return Ok(false) };
    match resource::find::<R>(tx, id).await {
        Ok(_) => Ok(tx.scope_violation((&R::ACCESS, id.into()), member, &rights, "read").await?.is_none()),
        Err(db::Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
