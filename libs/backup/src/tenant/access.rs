//! Access that the restore of an account grants again, which requires separate confirmation.

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Change, compare::Difference, resources::MEMBERSHIPS};
use crate::Error;

/// Access rights that a restore brings back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RestoredAccess {
    /// E-mail addresses of members who are admitted again.
    pub members: Vec<String>,
    /// Roles that members get back, such as `ana@acme.test: owner`.
    pub member_roles: Vec<String>,
    /// Roles that are restored or whose permissions change.
    pub roles: Vec<String>,
    /// Number of team memberships that are restored.
    pub teams: usize,
    /// E-mail addresses of invitations that become valid again.
    pub invitations: Vec<String>,
}

impl RestoredAccess {
    /// Whether the restore grants no additional access.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One line for each kind of access.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let named = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("ACCESS: {what}: {}", names.join(", ")))
        };
        let teams =
            (self.teams > 0).then(|| format!("ACCESS: members of teams that come back: {}", self.teams));
        [
            named("members who are let in again", &self.members),
            named("members who get roles back", &self.member_roles),
            named("roles that come back or change", &self.roles),
            teams,
            named("invitations that are good again", &self.invitations),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Determines which of the `changes` grant access. `now` is the live database, for names of people and roles.
    pub(super) async fn from_changes(now: &mut PgConnection, changes: &[Change]) -> Result<Self, Error> {
        let mut access = Self::default();
        for one in changes.iter().flat_map(|change| &change.rows) {
            match &*one.table_name {
                MEMBERSHIPS if is_let_in(one) => {
                    access.members.push(email(now, text(one.was.as_ref(), "user_id")).await?);
                }
                "app.member_roles" if one.kind == "added" => {
                    let person = email(now, text(one.was.as_ref(), "user_id")).await?;
                    let role = role(changes, now, text(one.was.as_ref(), "role_id")).await?;
                    access.member_roles.push(format!("{person}: {role}"));
                }
                "app.roles"
                    if one.kind != "removed"
                        && differs(one, &["permissions", "hidden_fields", "deleted_at"]) =>
                {
                    access.roles.push(text(one.was.as_ref(), "name").to_owned());
                }
                "app.team_members" if one.kind == "added" => access.teams += 1,
                "app.invitations" if is_open(one.was.as_ref()) && !is_open(one.now.as_ref()) => {
                    access.invitations.push(text(one.was.as_ref(), "email").to_owned());
                }
                _ => {}
            }
        }
        Ok(access)
    }
}

fn text<'v>(row: Option<&'v Value>, field: &str) -> &'v str {
    row.and_then(|row| row.get(field)).and_then(Value::as_str).unwrap_or_default()
}

fn is_let_in(one: &Difference) -> bool {
    text(one.was.as_ref(), "status") == "active" && text(one.now.as_ref(), "status") != "active"
}

fn differs(one: &Difference, fields: &[&str]) -> bool {
    let of = |row: &Option<Value>, field: &str| row.as_ref().and_then(|row| row.get(field)).cloned();
    fields.iter().any(|field| of(&one.was, field) != of(&one.now, field))
}

fn is_open(invitation: Option<&Value>) -> bool {
    let ended = |row: &Value, field: &str| !row.get(field).is_none_or(Value::is_null);
    invitation.is_some_and(|row| !ended(row, "accepted_at") && !ended(row, "revoked_at"))
}

async fn email(now: &mut PgConnection, user: &str) -> Result<String, Error> {
    let found: Option<(String,)> = sqlx::query_as("select email from app.users where id::text = $1")
        .bind(user)
        .fetch_optional(now)
        .await?;
    Ok(found.map_or_else(|| user.to_owned(), |(email,)| email))
}

/// Name of a role, which may itself be restored by the changes.
async fn role(changes: &[Change], now: &mut PgConnection, id: &str) -> Result<String, Error> {
    let found: Option<(String,)> =
        sqlx::query_as("select name from app.roles where id::text = $1").bind(id).fetch_optional(now).await?;
    let back = changes.iter().filter(|change| change.table == "app.roles").flat_map(|change| &change.rows);
    let back = back.filter(|one| one.key == id).map(|one| text(one.was.as_ref(), "name").to_owned()).next();
    Ok(found.map(|(name,)| name).or(back).unwrap_or_else(|| id.to_owned()))
}
