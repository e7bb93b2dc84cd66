//! Explains why a member has access or not. Implemented here because this service owns the records.

mod params;

use db::{FromRow, HiddenFields, Json as Column, ScopeViolation, TenantQuery};
use identity::{Permission, Permissions, Scope};
use params::ExplainParams;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Authorized, Error, Json, Query, Read, ResourceName, Result};

use crate::resources;

/// Resource of the permission `member:read`.
#[derive(Debug)]
pub(crate) enum Members {}

impl ResourceName for Members {
    const NAME: &'static str = "member";
}

/// Explanation why a member has access or not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// Whether access is allowed.
    allowed: bool,
    /// Explanation in one sentence.
    why: String,
    /// Status of the member: `active` or `suspended`.
    status: String,
    /// Role permissions that grant it; the widest scope counts.
    grants: Vec<Grant>,
    /// Scope of the grant: `all`, `team` or `own`.
    scope: Option<&'static str>,
    /// Whether the record is within that scope and its subject may be read.
    record_in_scope: Option<bool>,
}

/// A permission of a role that grants the access.
#[derive(Debug, Serialize, ToSchema)]
struct Grant {
    role: String,
    permission: String,
}

/// A member with their roles.
#[derive(FromRow)]
struct Membership {
    status: String,
    roles: Column<Vec<HeldRole>>,
}

/// A role of the member.
#[derive(Deserialize)]
struct HeldRole {
    name: String,
    priority: i32,
    permissions: Vec<String>,
}

const HELD: TenantQuery = TenantQuery::new(concat!(
    "select m.status, ",
    db::held_roles!(),
    " from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status <> 'removed'",
));

/// Explain why a member has a permission or not.
#[utoipa::path(
    get,
    path = "/api/v1/explain",
    params(ExplainParams),
    responses(web::openapi::NotFoundResponse),
    tag = "members"
)]
pub(crate) async fn explain_access(
    auth: Authorized<Read, Members>,
    Query(params): Query<ExplainParams>,
) -> Result<Json<Explanation>> {
    let wanted: Permission =
        params.permission.parse().map_err(|error| wrong("permission", format!("{error}")))?;
    let (resource, action) =
        wanted.parts().ok_or_else(|| wrong("permission", "must name one action on one resource"))?;
    let mut tx = auth.begin_read_only().await?;
    let held = tx.read::<Membership>(HELD).bind(params.member).optional().await?;
    let Membership { status, roles: Column(mut held) } = held.ok_or(Error::NotFound("member"))?;
    held.sort_by(|one, other| (other.priority, &one.name).cmp(&(one.priority, &other.name)));
    let grants = grants(&held, resource, action);
    let permissions = Permissions::new(held.iter().flat_map(|role| &role.permissions));
    let scope = permissions.scope(resource, action);
    let beyond = match (params.resource.as_deref(), params.id) {
        (None, None) => None,
        (Some(of), Some(id)) if of == resource => {
            let target =
                resources::target(of).ok_or_else(|| wrong("resource", "has no records with owners"))?;
            if HiddenFields::named(of, auth.who().permissions()).hide(target.owner) {
                return Err(Error::Forbidden(format!("{of}:read with `{}`", target.owner))); // it would reveal the owner
            }
            if !tx.finds(target, id).await? {
                return Err(Error::NotFound(target.name)); // the caller must have access to the record themselves
            }
            Some(tx.scope_violation((target, id), params.member, &permissions, action).await?)
        }
        (Some(_), Some(_)) => {
            return Err(wrong("resource", format!("must be `{resource}`, as `permission` says")));
        }
        (Some(_), None) => return Err(wrong("id", "is needed beside `resource`: the record's id")),
        (None, Some(_)) => {
            return Err(wrong(
                "resource",
                format!("is needed beside `id`: `{resource}`, as `permission` says"),
            ));
        }
    };
    let in_scope = beyond.map(|beyond| beyond.is_none());
    let allowed = status == "active" && scope.is_some() && in_scope != Some(false);
    let why = why(&status, scope, beyond.flatten(), &params.permission);
    Ok(Json(Explanation { allowed, why, status, grants, scope: scope.map(name), record_in_scope: in_scope }))
}

fn grants(held: &[HeldRole], resource: &str, action: &str) -> Vec<Grant> {
    let each = held.iter().flat_map(|role| role.permissions.iter().map(move |one| (&role.name, one)));
    let permitting = each.filter(|(_, permission)| {
        permission
            .parse::<Permission>()
            .is_ok_and(|permission| permission.reaches(resource, action).is_some())
    });
    permitting
        .map(|(role, permission)| Grant { role: role.clone(), permission: permission.clone() })
        .collect()
}

fn why(status: &str, scope: Option<Scope>, beyond: Option<ScopeViolation>, permission: &str) -> String {
    match (status, scope, beyond) {
        ("active", None, _) => format!("no role of theirs permits {permission}"),
        ("active", Some(_), Some(ScopeViolation::Subject)) => {
            "it is about a record that they may not read".into()
        }
        ("active", Some(Scope::Own), Some(_)) => {
            "it reaches only their own records, and this is another's".into()
        }
        ("active", Some(_), Some(_)) => {
            "it reaches only records of their teams, and this has no owner among their members".into()
        }
        ("active", Some(_), _) => format!("a role of theirs permits {permission}"),
        _ => "they are suspended".into(),
    }
}

fn name(scope: Scope) -> &'static str {
    match scope {
        Scope::Own => "own",
        Scope::Team => "team",
        Scope::All => "all",
    }
}

fn wrong(parameter: &str, problem: impl Into<String>) -> Error {
    Error::invalid(&format!("/{parameter}"), "parameter", problem)
}
