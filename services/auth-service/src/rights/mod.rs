//! Rights of a member: the union of their roles.

mod grantor;
mod grants;
mod held;
mod refusal;
mod teams;

use db::{FromRow, Result, SessionRevocation, TenantQuery, TenantTx};
use identity::{OWNER, Permissions, Principal};
use kernel::UserId;
use serde::Deserialize;
use uuid::Uuid;

pub(crate) use grantor::{Grantor, RightsChange};
pub(crate) use grants::{grantor_of, revoke_invitations_of};
pub(crate) use held::{of, of_members};
pub(crate) use refusal::RightsRefusal;

/// Maximum number of roles of one member.
pub(crate) const MAX_ROLES_PER_MEMBER: usize = 20;
/// Maximum JSON bytes for role names, permissions and hidden fields in a token. The token then stays below 8 KiB, the
/// header limit of common servers and proxies.
const MAX_TOKEN_BYTES: usize = 5_000;

/// The part of a role that grants rights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, FromRow)]
pub(crate) struct HeldRole {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) priority: i32,
    pub(crate) standard: bool,
    pub(crate) permissions: Vec<String>,
    pub(crate) hidden_fields: Vec<String>,
}

/// Permissions of a member and the roles that grant them; the effective role comes first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    pub(crate) roles: Vec<HeldRole>,
    pub(crate) permissions: Permissions,
}

impl HeldRole {
    pub(crate) fn is_owner(&self) -> bool {
        self.standard && self.name == OWNER
    }
}

impl Rights {
    pub(crate) fn from_roles(mut roles: Vec<HeldRole>) -> Self {
        roles.sort_by(|one, other| other.priority.cmp(&one.priority).then_with(|| one.name.cmp(&other.name)));
        let held: Vec<_> =
            roles.iter().map(|role| (role.permissions.clone(), role.hidden_fields.clone())).collect();
        Self { roles, permissions: Permissions::of_roles(&held) }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.roles.iter().any(HeldRole::is_owner)
    }

    /// Rights through an API key: limited by the key, and never those of an owner.
    fn of_key(mut self, key: &Permissions) -> Self {
        self.roles.retain(|role| !role.is_owner());
        Self { permissions: self.permissions.within(key), ..self }
    }

    /// The rights after replacing the role with the id of `role`.
    pub(crate) fn with_role(&self, role: &HeldRole) -> Self {
        let other = |held: &HeldRole| if held.id == role.id { role.clone() } else { held.clone() };
        Self::from_roles(self.roles.iter().map(other).collect())
    }

    /// Refuses rights that are too large for a token, unless they are smaller than `before`.
    fn check_token_size(&self, before: &Self) -> std::result::Result<(), RightsRefusal> {
        let grown = self.roles.len() > MAX_ROLES_PER_MEMBER && self.roles.len() > before.roles.len();
        let bytes = self.token_bytes();
        if grown || bytes > MAX_TOKEN_BYTES && bytes > before.token_bytes() {
            return Err(RightsRefusal::TooManyRights);
        }
        Ok(())
    }

    fn token_bytes(&self) -> usize {
        let said = (self.names(), self.permissions.to_texts(), self.permissions.hidden());
        serde_json::to_vec(&said).map_or(usize::MAX, |said| said.len())
    }
}

const LOCK: TenantQuery = TenantQuery::new("select name from app.accounts where account_id = $1 for update");
const RENEW: SessionRevocation = SessionRevocation::new(
    "update app.sessions set epoch = epoch + 1
     where account_id = $1 and revoked_at is null
       and (user_id = any ($2)
            or id in (select id from app.api_keys where account_id = $1 and coalesce(granted_by, created_by) = any ($2)))
     returning id, epoch, revoked_at",
);

/// Locks the account's rights, so that concurrent changes cannot break each other's invariants. Returns the present
/// rights of `who`: their token may be outdated by the time the lock is granted.
pub(crate) async fn lock(tx: &mut TenantTx, who: &Principal) -> Result<Grantor> {
    let rights = lock_for(tx, who.user()).await?.ok_or(db::Error::SessionEnded)?;
    let rights = if who.is_key() { rights.of_key(who.permissions()) } else { rights };
    Ok(Grantor::new(who.user(), rights))
}

/// Locks the account's rights and returns those of `user`; `None` if they are no active member.
pub(crate) async fn lock_for(tx: &mut TenantTx, user: UserId) -> Result<Option<Rights>> {
    tx.read::<(String,)>(LOCK).optional().await?;
    of(tx, user).await
}

/// Invalidates the access tokens of these members and of the keys that they granted. A refresh issues tokens with the
/// present rights.
pub(crate) async fn renew(tx: &mut TenantTx, users: &[UserId]) -> Result<()> {
    let users: Vec<Uuid> = users.iter().map(|user| Uuid::from(*user)).collect();
    tx.revoke_sessions(RENEW).bind(users).run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, priority: i32, permissions: &[&str], hidden: &[&str]) -> HeldRole {
        let texts = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        HeldRole {
            id: Uuid::nil(),
            name: name.to_owned(),
            priority,
            standard: name == OWNER,
            permissions: texts(permissions),
            hidden_fields: texts(hidden),
        }
    }

    #[test]
    fn the_role_of_the_greatest_priority_is_the_effective_one() {
        let rights =
            Rights::from_roles(vec![role("a", 1, &[], &[]), role("c", 9, &[], &[]), role("b", 9, &[], &[])]);
        assert_eq!(rights.names(), ["b", "c", "a"]);
    }

    #[test]
    fn a_field_is_hidden_unless_one_role_shows_it() {
        let blind = role("blind", 1, &["client:read"], &["client.credit_limit"]);
        let alone = Rights::from_roles(vec![blind.clone(), role("other", 2, &["role:read"], &[])]);
        assert_eq!(alone.permissions.hidden(), ["client.credit_limit"]);
        let seeing = Rights::from_roles(vec![blind, role("seeing", 2, &["client:read@own"], &[])]);
        assert!(seeing.permissions.hidden().is_empty());
    }

    #[test]
    fn an_admin_touches_no_owner() {
        let (owner, admin) = (role(OWNER, 100, &["*:*"], &[]), role("admin", 80, &["*:*"], &[]));
        let grantor = |role: &HeldRole| Grantor::new(UserId::new(), Rights::from_roles(vec![role.clone()]));
        let (boss, other) =
            (Rights::from_roles(vec![owner.clone()]), Rights::from_roles(vec![admin.clone()]));
        assert_eq!(grantor(&admin).may_change(&boss), Err(RightsRefusal::OwnersOnly));
        assert_eq!(grantor(&admin).may_change(&other), Ok(()));
        assert_eq!(grantor(&owner).may_change(&boss), Ok(()));
        let few = grantor(&role("few", 1, &["member:*", "role:*"], &[]));
        assert_eq!(few.may_change(&other), Err(RightsRefusal::BeyondOwnRights("*:*".to_owned())));
    }

    #[test]
    fn what_a_member_has_fits_a_token() {
        let long = |at: usize| role(&format!("{at} {}", "\u{1}".repeat(96)), 1, &["client:read"], &[]);
        let roles = |count: usize| Rights::from_roles((0..count).map(long).collect());
        let none = Rights::default();
        assert_eq!(roles(2).check_token_size(&none), Ok(()));
        assert_eq!(
            roles(9).check_token_size(&none),
            Err(RightsRefusal::TooManyRights),
            "its names alone are 5 KB"
        );
        assert_eq!(roles(9).check_token_size(&roles(10)), Ok(()), "less than before");
        let short = |count: usize| Rights::from_roles(vec![role("a", 1, &[], &[]); count]);
        assert_eq!(short(MAX_ROLES_PER_MEMBER).check_token_size(&none), Ok(()));
        assert_eq!(
            short(MAX_ROLES_PER_MEMBER + 1).check_token_size(&none),
            Err(RightsRefusal::TooManyRights)
        );
    }
}
