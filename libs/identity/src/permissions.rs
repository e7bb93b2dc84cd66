//! What somebody may do: `resource:action`, with `*` for either half.

use std::sync::Arc;

/// The permissions of one person in one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(Arc<[String]>);

impl Permissions {
    /// These and no others.
    pub fn new(held: impl IntoIterator<Item = String>) -> Self {
        Self(held.into_iter().collect())
    }

    /// Whether `action` on `resource` is among them, by its own name or by a `*`.
    #[must_use]
    pub fn allow(&self, resource: &str, action: &str) -> bool {
        self.0
            .iter()
            .filter_map(|held| held.split_once(':'))
            .any(|(on, may)| (on == "*" || on == resource) && (may == "*" || may == action))
    }

    /// As they are written.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// A role that every account has from its first day.
#[derive(Debug, Clone, Copy)]
pub struct StandardRole {
    /// As in tokens and in the role's row.
    pub name: &'static str,
    /// What it may do.
    pub permissions: &'static [&'static str],
}

/// The roles of a new account; its founder is the owner.
pub const STANDARD_ROLES: &[StandardRole] = &[
    StandardRole { name: "owner", permissions: &["*:*"] },
    StandardRole { name: "admin", permissions: &["*:*"] },
    StandardRole { name: "manager", permissions: &["*:read", "client:*"] },
    StandardRole { name: "employee", permissions: &["client:read", "client:write"] },
    StandardRole { name: "viewer", permissions: &["*:read"] },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn held(permissions: &[&str]) -> Permissions {
        Permissions::new(permissions.iter().map(ToString::to_string))
    }

    #[test]
    fn a_star_stands_for_any_name() {
        assert!(held(&["*:*"]).allow("client", "delete"));
        assert!(held(&["client:*"]).allow("client", "delete"));
        assert!(held(&["*:read"]).allow("client", "read"));
        assert!(!held(&["*:read"]).allow("client", "write"));
        assert!(!held(&["client:*"]).allow("clients", "read"));
        assert!(!held(&["client", "", ":"]).allow("client", "read"));
    }
}
