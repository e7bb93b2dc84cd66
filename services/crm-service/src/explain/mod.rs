//! Why somebody can, or cannot. Answered here because the records are here.

mod kept;
mod question;

use db::{Beyond, Hidden, Scoped};
use identity::{Permission, Permissions, Scope};
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use web::{Error, Json, May, Query, Read, Result, Subject};

pub(crate) use kept::Kept;
use question::Question;

/// The permission `member:read`.
#[derive(Debug)]
pub(crate) enum Membership {}

impl Subject for Membership {
    const NAME: &'static str = "member";
}

/// Why somebody can, or cannot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// Whether they can.
    allowed: bool,
    /// In a sentence.
    why: String,
    /// `active` or `suspended`.
    status: String,
    /// What permits it, by role; the widest reach counts.
    grants: Vec<Grant>,
    /// How far that reaches: `all`, `team` or `own`.
    scope: Option<&'static str>,
    /// Whether the record is within that reach, and what it is about may be read.
    record_in_scope: Option<bool>,
}

/// A permission of a role that permits it.
#[derive(Debug, Serialize, ToSchema)]
struct Grant {
    role: String,
    permission: String,
}

#[derive(FromRow)]
struct Held {
    status: String,
    role: Option<String>,
    permissions: Option<Vec<String>>,
}

const HELD: Scoped = Scoped::new(
    "select m.status, r.name as role, r.permissions from app.memberships m
     left join app.member_roles h on h.account_id = m.account_id and h.user_id = m.user_id
     left join app.roles r on r.account_id = h.account_id and r.id = h.role_id and r.deleted_at is null
     where m.account_id = $1 and m.user_id = $2 and m.status <> 'removed' order by r.priority desc, r.name",
);

/// Explain why a member can, or cannot, do something.
#[utoipa::path(get, path = "/api/v1/explain", params(Question), tag = "members")]
pub(crate) async fn explain(
    may: May<Read, Membership>,
    Query(asked): Query<Question>,
) -> Result<Json<Explanation>> {
    let wanted: Permission =
        asked.permission.parse().map_err(|error| wrong("permission", format!("{error}")))?;
    let (resource, action) =
        wanted.parts().ok_or_else(|| wrong("permission", "must name one action on one resource"))?;
    let mut tx = may.begin_reading().await?;
    let held: Vec<Held> = tx.read::<Held>(HELD).bind(asked.member).all().await?;
    let status = held.first().map(|held| held.status.clone()).ok_or(Error::NotFound("member"))?;
    let grants = grants(&held, resource, action);
    let permissions = Permissions::new(held.iter().flat_map(|held| held.permissions.iter().flatten()));
    let scope = permissions.scope(resource, action);
    let beyond = match (asked.resource.as_deref(), asked.id) {
        (None, None) => None,
        (Some(of), Some(id)) if of == resource => {
            let kept = Kept::named(of).ok_or_else(|| wrong("resource", "has no records with owners"))?;
            if Hidden::named(of, may.who().permissions()).hide(kept.owner) {
                return Err(Error::Forbidden(format!("{of}:read with `{}`", kept.owner))); // it would tell whose it is
            }
            Some((kept.beyond)(&mut tx, id, asked.member, &permissions, action).await?)
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
    let why = why(&status, scope, beyond.flatten(), &asked.permission);
    Ok(Json(Explanation { allowed, why, status, grants, scope: scope.map(name), record_in_scope: in_scope }))
}

fn grants(held: &[Held], resource: &str, action: &str) -> Vec<Grant> {
    let all = held.iter().filter_map(|held| Some((held.role.as_ref()?, held.permissions.as_ref()?)));
    let each =
        all.flat_map(|(role, permissions)| permissions.iter().map(move |permission| (role, permission)));
    let permitting = each.filter(|(_, permission)| {
        permission
            .parse::<Permission>()
            .is_ok_and(|permission| permission.reaches(resource, action).is_some())
    });
    permitting
        .map(|(role, permission)| Grant { role: role.clone(), permission: permission.clone() })
        .collect()
}

fn why(status: &str, scope: Option<Scope>, beyond: Option<Beyond>, permission: &str) -> String {
    match (status, scope, beyond) {
        ("active", None, _) => format!("no role of theirs permits {permission}"),
        ("active", Some(_), Some(Beyond::Subject)) => "it is about a record that they may not read".into(),
        ("active", Some(Scope::Own), Some(_)) => {
            "it reaches only their own records, and this is another's".into()
        }
        ("active", Some(_), Some(_)) => {
            "it reaches only records of their teams, and this belongs to nobody there".into()
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
    Error::invalid(&format!("/{parameter}"), "query", problem)
}
