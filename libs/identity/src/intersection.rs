//! Intersection of permissions: an API key has those that it and its member both have.

use crate::{Permission, Permissions, Scope, catalogue};

/// Every action on records.
const RECORDS: [&str; 4] = ["*:read", "*:write", "*:delete", "*:purge"];

impl Permission {
    /// Whether the permission covers all resources, not only records.
    fn is_everything(&self) -> bool {
        self.resource == "*" && self.action == "*" && self.scope == Scope::All
    }

    /// Intersection with `other`; `None` if it is empty.
    fn both(&self, other: &Self) -> Option<Self> {
        let on = |wide: &Self, narrow: &Self| {
            let reached = wide.resource == "*"
                && (wide.is_everything() || narrow.resource == "*" || catalogue::is_record(&narrow.resource));
            (wide.resource == narrow.resource || reached).then(|| narrow.resource.clone())
        };
        let does = |wide: &Self, narrow: &Self| {
            (wide.action == "*" || wide.action == narrow.action).then(|| narrow.action.clone())
        };
        let resource = if self.resource == "*" { on(self, other) } else { on(other, self) }?;
        let action = does(self, other).or_else(|| does(other, self))?;
        Some(Self { resource, action, scope: self.scope.min(other.scope) })
    }
}

impl Permissions {
    /// Union of the permissions of roles, each given with its permissions and hidden fields. A field is hidden
    /// unless one role grants reading its resource and does not hide it.
    #[must_use]
    pub fn of_roles(roles: &[(Vec<String>, Vec<String>)]) -> Self {
        let shows = |field: &String| {
            let resource = field.split_once('.').map_or(field.as_str(), |(resource, _)| resource);
            roles
                .iter()
                .any(|(held, hidden)| !hidden.contains(field) && Self::new(held).allow(resource, "read"))
        };
        let mut hidden: Vec<String> = roles.iter().flat_map(|(_, hidden)| hidden).cloned().collect();
        hidden.sort_unstable();
        hidden.dedup();
        hidden.retain(|field| !shows(field));
        Self::new(roles.iter().flat_map(|(held, _)| held)).hiding(hidden)
    }

    /// Keeps all permissions on records, and only those administrative permissions that `grantor` also has.
    #[must_use]
    pub fn limit_administration_to(&self, grantor: &Self) -> Self {
        let records = self.within(&Self::new(RECORDS));
        let administering = self.within(grantor);
        let both = records.held.iter().chain(administering.held.iter()).cloned();
        Self::widest_scope(both).hiding(self.hidden.iter().cloned())
    }

    /// Intersection with `bounds`, with the narrower scope; fields hidden by either stay hidden.
    #[must_use]
    pub fn within(&self, bounds: &Self) -> Self {
        let pairs = self.held.iter().flat_map(|one| bounds.held.iter().filter_map(|other| one.both(other)));
        let mut hidden: Vec<String> = self.hidden.iter().chain(bounds.hidden.iter()).cloned().collect();
        hidden.sort_unstable();
        hidden.dedup();
        Self::widest_scope(pairs).hiding(hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SUBJECTS;

    fn within(one: &[&str], other: &[&str]) -> Vec<String> {
        Permissions::new(one).within(&Permissions::new(other)).to_texts()
    }

    #[test]
    fn what_both_hold_is_what_is_left() {
        assert_eq!(within(&["*:*"], &["client:read", "role:write"]), ["client:read", "role:write"]);
        assert_eq!(within(&["client:*"], &["*:read"]), ["client:read"]);
        assert_eq!(within(&["client:read"], &["client:write"]), [""; 0]);
        assert_eq!(within(&["*:read"], &["member:*"]), [""; 0], "administration is reached by its name");
        assert_eq!(within(&["*:*"], &["*:*@own"]), ["*:*@own"]);
        assert_eq!(
            within(&["*:read", "client:write@own"], &["*:*@team"]),
            ["*:read@team", "client:write@own"]
        );
        assert_eq!(within(&["*:*"], &[]), [""; 0]);
    }

    #[test]
    fn records_are_everybodys_and_administration_is_the_grantors() {
        let of = |held: &[&str], grantor: &[&str]| {
            Permissions::new(held).limit_administration_to(&Permissions::new(grantor)).to_texts()
        };
        assert_eq!(of(&["*:*"], &[]), RECORDS);
        assert_eq!(of(&["*:*"], &["*:*"]).last().unwrap(), "*:*");
        assert_eq!(of(&["client:write@own", "member:write"], &["member:read"]), ["client:write@own"]);
        assert_eq!(of(&["task:*@team", "role:*"], &["role:read"]).last().unwrap(), "role:read");
        for subject in SUBJECTS.iter().filter(|subject| subject.records) {
            assert!(subject.actions.iter().all(|action| RECORDS.contains(&format!("*:{action}").as_str())));
        }
    }

    #[test]
    fn what_either_hides_stays_hidden() {
        let hiding = |field: &str| Permissions::new(["client:read"]).hiding([field.to_owned()]);
        let both = hiding("client.rating").within(&hiding("client.credit_limit"));
        assert_eq!(both.hidden(), ["client.credit_limit", "client.rating"]);
    }

    /// Exhaustive: every pair of sets of two permissions, checked on every resource and action. The result allows
    /// exactly what both allow.
    #[test]
    fn it_reaches_exactly_as_far_as_the_shorter_of_both() {
        let mut texts = Vec::new();
        for resource in ["*", "client", "account", "security_event"] {
            for action in ["*", "read", "write", "delete"] {
                for scope in ["", "@team", "@own"] {
                    let text = format!("{resource}:{action}{scope}");
                    texts.extend(text.parse::<Permission>().is_ok().then_some(text));
                }
            }
        }
        let sets: Vec<Permissions> = texts
            .iter()
            .flat_map(|one| texts.iter().map(move |other| Permissions::new([one, other])))
            .collect();
        for (one, other) in sets.iter().flat_map(|one| sets.iter().step_by(7).map(move |other| (one, other)))
        {
            let both = one.within(other);
            for subject in SUBJECTS {
                for action in subject.actions {
                    let shorter = one.scope(subject.name, action).min(other.scope(subject.name, action));
                    assert_eq!(both.scope(subject.name, action), shorter, "{one:?} {other:?} {action}");
                }
            }
            assert_eq!(
                Permissions::new(both.to_texts()),
                both,
                "it is the same after it was written and read"
            );
        }
    }
}
