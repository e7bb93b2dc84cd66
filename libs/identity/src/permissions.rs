//! Permissions: `resource:action`, with `*` for either half and an optional scope, as in `client:read@own`.

use std::{fmt, str::FromStr, sync::Arc};

use crate::catalogue::{self, Subject};

/// Scope of a permission among the records of its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Records that the person owns.
    Own,
    /// Records owned by the person or a member of their teams.
    Team,
    /// All records of the account.
    All,
}

/// One permission, such as `client:read`, `client:*`, `*:read` or `client:write@team`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    pub(crate) resource: String,
    pub(crate) action: String,
    pub(crate) scope: Scope,
}

/// Reason why a text is not a valid permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// The text has not the form `resource:action`, optionally with a scope.
    #[error("is not of the form resource:action, perhaps with @team or @own")]
    Form,
    /// The catalogue has no such resource or action.
    #[error("is not in the catalogue of permissions (GET /api/v1/permissions)")]
    Unknown,
    /// A scope is given, but the resource has no owners.
    #[error("has a scope, and its resource has no owners")]
    Unowned,
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let (name, scope) = match text.split_once('@') {
            None => (text, Scope::All),
            Some((name, "team")) => (name, Scope::Team),
            Some((name, "own")) => (name, Scope::Own),
            Some(_) => return Err(PermissionError::Form),
        };
        let (resource, action) = name.split_once(':').ok_or(PermissionError::Form)?;
        let known = |subject: &Subject| action == "*" || subject.actions.contains(&action);
        let any_action = || catalogue::SUBJECTS.iter().any(known);
        let subject = catalogue::SUBJECTS.iter().find(|subject| subject.name == resource);
        match subject {
            Some(subject) if !known(subject) => return Err(PermissionError::Unknown),
            None if resource != "*" || !any_action() => return Err(PermissionError::Unknown),
            Some(Subject { records: false, .. }) if scope != Scope::All => {
                return Err(PermissionError::Unowned);
            }
            _ => {}
        }
        Ok(Self { resource: resource.to_owned(), action: action.to_owned(), scope })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)?;
        match self.scope {
            Scope::Own => f.write_str("@own"),
            Scope::Team => f.write_str("@team"),
            Scope::All => Ok(()),
        }
    }
}

impl Permission {
    /// Resource and action of the permission; `None` if either is `*`.
    #[must_use]
    pub fn parts(&self) -> Option<(&str, &str)> {
        (self.resource != "*" && self.action != "*").then_some((&self.resource, &self.action))
    }

    /// Scope that the permission grants for `action` on `resource`; `None` if it does not apply.
    ///
    /// As a resource, `*` means all records of the account. Administrative resources need their own name, or
    /// `*:*`.
    #[must_use]
    pub fn reaches(&self, resource: &str, action: &str) -> Option<Scope> {
        let acts = self.action == "*" || self.action == action;
        let on = match self.resource.as_str() {
            "*" => self.action == "*" && self.scope == Scope::All || catalogue::is_record(resource),
            own => own == resource,
        };
        (acts && on).then_some(self.scope)
    }

    /// Whether the permission covers some action on `resource`.
    fn touches(&self, resource: &str) -> bool {
        let subject = catalogue::SUBJECTS.iter().find(|subject| subject.name == resource);
        subject.is_some_and(|subject| {
            subject.actions.iter().any(|action| self.reaches(resource, action).is_some())
        })
    }

    fn covers(&self, other: &Self) -> bool {
        let (on, does) = (self.resource == other.resource, self.action == other.action);
        let wider = if other.resource == "*" {
            self.resource == "*" && (self.action == "*" || does)
        } else if other.action == "*" {
            self.action == "*" && (on || self.reaches(&other.resource, "*").is_some())
        } else {
            self.reaches(&other.resource, &other.action).is_some()
        };
        wider && self.scope >= other.scope
    }
}

/// Permissions and hidden fields of one person in one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    pub(crate) held: Arc<[Permission]>,
    pub(crate) hidden: Arc<[String]>,
}

impl Permissions {
    /// Parses permissions. Invalid ones are ignored and thus grant nothing.
    pub fn new(held: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self::widest_scope(held.into_iter().filter_map(|text| text.as_ref().parse().ok()))
    }

    /// Removes permissions that another one covers.
    pub(crate) fn widest_scope(held: impl IntoIterator<Item = Permission>) -> Self {
        let mut widest: Vec<Permission> = Vec::new();
        for one in held {
            if !widest.iter().any(|known| known.covers(&one)) {
                widest.retain(|known| !one.covers(known));
                widest.push(one);
            }
        }
        Self { held: widest.into(), hidden: Arc::default() }
    }

    /// Sets the hidden fields, such as `client.credit_limit`.
    #[must_use]
    pub fn hiding(self, fields: impl IntoIterator<Item = String>) -> Self {
        Self { hidden: fields.into_iter().collect(), ..self }
    }

    /// Whether `action` on `resource` is granted, by name or by `*`.
    #[must_use]
    pub fn allow(&self, resource: &str, action: &str) -> bool {
        self.scope(resource, action).is_some()
    }

    /// Scope granted for `action` on `resource`; `None` if it is not granted.
    #[must_use]
    pub fn scope(&self, resource: &str, action: &str) -> Option<Scope> {
        self.held.iter().filter_map(|held| held.reaches(resource, action)).max()
    }

    /// Whether the holder may grant `other`: all that it permits, in its full scope.
    #[must_use]
    pub fn cover(&self, other: &Permission) -> bool {
        self.held.iter().any(|held| held.covers(other))
    }

    /// What the holder lacks to grant `other`; see [`first_missing_for_change`](Self::first_missing_for_change).
    #[must_use]
    pub fn first_missing(&self, other: &Self) -> Option<String> {
        self.first_missing_for_change(&Self::default(), other)
    }

    /// What the holder lacks to change a member's rights from `before` to `after`: the first new permission that
    /// is not covered, or the first field that becomes visible although it is hidden from the holder. Any
    /// permission on a resource counts, not only `read`, because others show or write fields too.
    #[must_use]
    pub fn first_missing_for_change(&self, before: &Self, after: &Self) -> Option<String> {
        let gained = after.held.iter().filter(|one| !before.cover(one));
        let beyond = gained.clone().find(|one| !self.cover(one)).map(ToString::to_string);
        beyond.or_else(|| {
            let shown = |field: &&String| {
                field.split_once('.').is_some_and(|(resource, _)| {
                    let was = before.touches(resource) && !before.hides(field);
                    let wider = gained.clone().any(|one| one.touches(resource));
                    after.touches(resource) && !after.hides(field) && (!was || wider)
                })
            };
            self.hidden.iter().find(shown).cloned()
        })
    }

    /// Whether one of the permissions covers some action on `resource`.
    fn touches(&self, resource: &str) -> bool {
        self.held.iter().any(|held| held.touches(resource))
    }

    /// Hidden fields, such as `client.credit_limit`.
    #[must_use]
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    fn hides(&self, field: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == field)
    }

    /// Textual form of the permissions.
    #[must_use]
    pub fn to_texts(&self) -> Vec<String> {
        self.held.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(permissions: &[&str]) -> Permissions {
        Permissions::new(permissions)
    }

    #[test]
    fn a_star_stands_for_any_record_and_for_everything_only_twice() {
        assert!(held(&["*:*"]).allow("client", "delete"));
        assert!(held(&["*:*"]).allow("role", "write"));
        assert!(held(&["client:*"]).allow("client", "delete"));
        assert!(held(&["*:read"]).allow("client", "read"));
        assert!(!held(&["*:read"]).allow("client", "write"));
        assert!(!held(&["*:read"]).allow("security_event", "read"), "administration is reached by its name");
        assert!(!held(&["client:*"]).allow("clients", "read"));
        assert!(!held(&["client", "", ":", "client:read@all", "client:fly"]).allow("client", "read"));
    }

    #[test]
    fn the_widest_scope_counts() {
        let both = held(&["client:read@own", "client:read@team", "client:write@own"]);
        assert_eq!(both.scope("client", "read"), Some(Scope::Team));
        assert_eq!(both.scope("client", "write"), Some(Scope::Own));
        assert_eq!(both.scope("client", "delete"), None);
        assert_eq!(both.to_texts(), ["client:read@team", "client:write@own"]);
    }

    #[test]
    fn permissions_cover_no_more_than_they_contain() {
        let gives = |author: &[&str], role: &str| held(author).cover(&role.parse().unwrap());
        assert!(gives(&["*:*"], "*:*"));
        assert!(gives(&["*:*"], "role:write"));
        assert!(gives(&["client:*"], "client:read@own"));
        assert!(gives(&["*:read"], "client:read"));
        assert!(!gives(&["client:read", "client:write", "client:delete"], "client:*"), "more may come");
        assert!(!gives(&["client:*"], "*:*"));
        assert!(!gives(&["client:read@own"], "client:read"));
        assert!(!gives(&["*:read"], "role:read"));
        assert!(!gives(&["*:*@own"], "*:*"));
    }

    #[test]
    fn a_field_hidden_from_the_author_stays_hidden() {
        let author = held(&["*:*"]).hiding(["client.credit_limit".to_owned()]);
        assert_eq!(author.first_missing(&held(&["client:read"])), Some("client.credit_limit".to_owned()));
        assert_eq!(author.first_missing(&held(&["role:read"])), None);
        assert_eq!(
            author.first_missing(&held(&["client:read"]).hiding(["client.credit_limit".to_owned()])),
            None
        );
        for any in [
            "client:write",
            "client:delete@own",
            "client:purge",
            "client:*",
            "*:write",
            "*:purge@team",
            "*:*",
        ] {
            let lacks = author.first_missing(&held(&[any]));
            assert_eq!(lacks, Some("client.credit_limit".to_owned()), "{any} shows it as well");
        }
    }

    #[test]
    fn a_permission_that_the_member_has_already_is_not_a_grant() {
        let hidden = || ["client.credit_limit".to_owned()];
        let author = held(&["client:*", "task:read"]).hiding(hidden());
        let turns =
            |before: &Permissions, after: &Permissions| author.first_missing_for_change(before, after);
        let limit = Some("client.credit_limit".to_owned());
        let (all, blind) = (held(&["*:*"]), held(&["client:read"]).hiding(hidden()));
        assert_eq!(turns(&all, &held(&["*:read"])), None, "less than before");
        assert_eq!(turns(&held(&["client:read"]), &held(&["client:read", "task:read"])), None);
        assert_eq!(turns(&blind, &held(&["client:read"])), limit, "it comes into sight");
        assert_eq!(turns(&blind, &held(&["client:write"])), limit);
        assert_eq!(turns(&held(&["client:read@own"]), &held(&["client:read"])), limit, "of others as well");
        assert_eq!(turns(&blind, &held(&["client:write"]).hiding(hidden())), None);
        assert_eq!(turns(&blind, &held(&["role:read"])), Some("role:read".to_owned()));
    }

    #[test]
    fn only_what_is_in_the_catalogue_is_a_permission() {
        for (text, error) in [
            ("client", PermissionError::Form),
            ("client:read@all", PermissionError::Form),
            ("client:fly", PermissionError::Unknown),
            ("*:fly", PermissionError::Unknown),
            ("spaceship:read", PermissionError::Unknown),
            ("role:read@own", PermissionError::Unowned),
        ] {
            assert_eq!(text.parse::<Permission>(), Err(error), "{text}");
        }
        for text in ["client:read", "client:*@team", "*:*", "*:read@own", "security_event:read"] {
            assert_eq!(text.parse::<Permission>().unwrap().to_string(), text);
        }
    }
}
