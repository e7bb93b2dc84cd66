use kernel::{Id, User, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, May, Path, Read, Result};

use super::{Membership, find};
use crate::rights::Rights;

/// What a member may do, and by which roles.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberRights {
    #[schema(value_type = Uuid)]
    member_id: UserId,
    /// Whether they are let in at all.
    status: String,
    effective_role: Option<String>,
    /// Everything that one of their roles lets them do.
    permissions: Vec<String>,
    /// What none of their roles shows them.
    hidden_fields: Vec<String>,
    /// What each role gives, the effective one first.
    roles: Vec<Given>,
}

/// What one role gives.
#[derive(Debug, Serialize, ToSchema)]
struct Given {
    id: Uuid,
    name: String,
    priority: i32,
    permissions: Vec<String>,
    hidden_fields: Vec<String>,
}

/// Tell what a member may do.
#[utoipa::path(get, path = "/api/v1/members/{id}/permissions", params(Id<User>), tag = "members")]
pub(crate) async fn member_permissions(
    may: May<Read, Membership>,
    Path(id): Path<UserId>,
) -> Result<Json<MemberRights>> {
    let mut tx = may.begin_reading().await?;
    let member = find(&mut tx, id).await?;
    let Rights { roles, permissions } = Rights::of(member.roles.0);
    let given = roles.into_iter().map(|role| Given {
        id: role.id,
        name: role.name,
        priority: role.priority,
        permissions: role.permissions,
        hidden_fields: role.hidden_fields,
    });
    let roles: Vec<Given> = given.collect();
    Ok(Json(MemberRights {
        member_id: id,
        status: member.status,
        effective_role: roles.first().map(|role| role.name.clone()),
        permissions: permissions.to_texts(),
        hidden_fields: permissions.hidden().to_vec(),
        roles,
    }))
}
