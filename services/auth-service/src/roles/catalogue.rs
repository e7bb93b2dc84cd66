use axum::extract::State;
use identity::{HIDEABLE_FIELDS, STANDARD_ROLES, SUBJECTS};
use serde::Serialize;
use utoipa::ToSchema;
use web::{AuthenticatedUser, Json, Result};

use crate::App;

/// All permissions that roles can grant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermissionCatalog {
    data: Vec<PermissionInfo>,
    /// Scopes of permissions on records, as in `client:read@own`; without a scope they cover all records.
    scopes: &'static [&'static str],
    /// Roles that exist in every account.
    standard_roles: Vec<StandardRole>,
}

/// A resource that permissions refer to.
#[derive(Debug, Serialize, ToSchema)]
struct PermissionInfo {
    #[schema(example = "client")]
    resource: &'static str,
    about: &'static str,
    actions: &'static [&'static str],
    /// Whether its records have owners, so that permissions can have a scope.
    scoped: bool,
    /// Permissions on the resource, in the syntax of roles.
    permissions: Vec<String>,
    /// Fields of its records that a role can hide, in the syntax of roles.
    #[schema(example = json!(["client.credit_limit"]))]
    hidden_fields: Vec<String>,
}

/// A role that exists in every account.
#[derive(Debug, Serialize, ToSchema)]
struct StandardRole {
    name: &'static str,
    priority: i32,
    permissions: &'static [&'static str],
}

/// List all permissions that roles can grant.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "auth")]
pub(crate) async fn list_permissions(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<Json<PermissionCatalog>> {
    app.db.admit(&who).await?; // reject ended sessions here as well
    let data = SUBJECTS.iter().map(|subject| PermissionInfo {
        resource: subject.name,
        about: subject.about,
        actions: subject.actions,
        scoped: subject.records,
        permissions: subject.actions.iter().map(|action| format!("{}:{action}", subject.name)).collect(),
        hidden_fields: hideable(subject.name),
    });
    let standard_roles = STANDARD_ROLES
        .iter()
        .map(|role| StandardRole { name: role.name, priority: role.priority, permissions: role.permissions })
        .collect();
    Ok(Json(PermissionCatalog { data: data.collect(), scopes: &["own", "team"], standard_roles }))
}

fn hideable(resource: &str) -> Vec<String> {
    let of = HIDEABLE_FIELDS.iter().filter(|of| of.resource == resource);
    let names = of.flat_map(|of| of.required.iter().chain(of.optional));
    names.map(|name| format!("{resource}.{name}")).collect()
}
