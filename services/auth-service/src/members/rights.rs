use kernel::{Id, User, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Authorized, Json, Path, Read, Result};

use super::{Membership, find};
use crate::rights::Rights;

/// Effective rights of a member, and the roles that grant them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberRights {
    #[schema(value_type = Uuid)]
    member_id: UserId,
    /// Status of the membership: `active` or `suspended`.
    status: String,
    effective_role: Option<String>,
    /// Permissions that at least one of the roles grants.
    permissions: Vec<String>,
    /// Fields that all of the roles hide.
    hidden_fields: Vec<String>,
    /// Rights that each role grants; the effective role comes first.
    roles: Vec<RoleGrant>,
}

/// Rights that one role grants.
#[derive(Debug, Serialize, ToSchema)]
struct RoleGrant {
    id: Uuid,
    name: String,
    priority: i32,
    permissions: Vec<String>,
    hidden_fields: Vec<String>,
}

/// Get a member's effective rights.
#[utoipa::path(get, path = "/api/v1/members/{id}/permissions", params(Id<User>), tag = "members")]
pub(crate) async fn get_member_permissions(
    auth: Authorized<Read, Membership>,
    Path(id): Path<UserId>,
) -> Result<Json<MemberRights>> {
    let mut tx = auth.begin_read_only().await?;
    let member = find(&mut tx, id).await?;
    let Rights { roles, permissions } = Rights::from_roles(member.roles.0);
    let given = roles.into_iter().map(|role| RoleGrant {
        id: role.id,
        name: role.name,
        priority: role.priority,
        permissions: role.permissions,
        hidden_fields: role.hidden_fields,
    });
    let roles: Vec<RoleGrant> = given.collect();
    Ok(Json(MemberRights {
        member_id: id,
        status: member.status,
        effective_role: roles.first().map(|role| role.name.clone()),
        permissions: permissions.to_texts(),
        hidden_fields: permissions.hidden().to_vec(),
        roles,
    }))
}
