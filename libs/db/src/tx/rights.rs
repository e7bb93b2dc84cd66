//! Rights of a member, read in a transaction of their account.

use identity::Permissions;
use kernel::UserId;
use serde::Deserialize;
use sqlx::types::Json;

use super::TenantTx;
use crate::{Result, TenantQuery};

/// What a role permits and hides.
#[derive(Deserialize)]
struct RoleRights {
    permissions: Vec<String>,
    hidden_fields: Vec<String>,
}

const HELD: TenantQuery = TenantQuery::new(concat!(
    "select ",
    crate::held_roles!(),
    " from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
));

impl TenantTx {
    /// Present permissions of a member, for work without their token: those of all their roles. `None` for a non-member,
    /// a suspended member, or one without roles.
    pub async fn rights_of(&mut self, member: UserId) -> Result<Option<Permissions>> {
        let held: Option<(Json<Vec<RoleRights>>,)> = self.read(HELD).bind(member).optional().await?;
        let roles = held.map(|(Json(roles),)| roles).unwrap_or_default();
        let roles: Vec<_> = roles.into_iter().map(|role| (role.permissions, role.hidden_fields)).collect();
        Ok((!roles.is_empty()).then(|| Permissions::of_roles(&roles)))
    }
}
