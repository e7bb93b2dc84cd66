//! What a member may do: the union of their roles.

use db::{Ending, Result, Scoped, TenantTx};
use identity::{OWNER, Permissions, Principal};
use kernel::UserId;
use serde::Deserialize;
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use crate::members::MemberRefusal;

/// A role, as far as rights go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, FromRow)]
pub(crate) struct HeldRole {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) priority: i32,
    pub(crate) standard: bool,
    pub(crate) permissions: Vec<String>,
    pub(crate) hidden_fields: Vec<String>,
}

/// What somebody may do, and by which roles; the effective one comes first.
#[derive(Debug, Default)]
pub(crate) struct Rights {
    pub(crate) roles: Vec<HeldRole>,
    pub(crate) permissions: Permissions,
}

impl HeldRole {
    pub(crate) fn rights(&self) -> Permissions {
        Permissions::new(&self.permissions).hiding(self.hidden_fields.iter().cloned())
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.standard && self.name == OWNER
    }
}

impl Rights {
    pub(crate) fn of(mut roles: Vec<HeldRole>) -> Self {
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

    /// The same through a key, which is no owner whoever made it.
    fn of_key(mut self, key: &Permissions) -> Self {
        self.roles.retain(|role| !role.is_owner());
        Self { permissions: self.permissions.within(key), ..self }
    }

    /// Nobody gives what they do not have, and only owners make owners.
    pub(crate) fn may_give(&self, role: &HeldRole) -> Result<(), MemberRefusal> {
        if role.is_owner() && !self.is_owner() {
            return Err(MemberRefusal::OwnersOnly);
        }
        self.reach(&role.rights())
    }

    /// Nobody changes somebody who may do more than they.
    pub(crate) fn may_change(&self, member: &Self) -> Result<(), MemberRefusal> {
        if member.is_owner() && !self.is_owner() {
            return Err(MemberRefusal::OwnersOnly);
        }
        self.reach(&member.permissions)
    }

    pub(crate) fn reach(&self, rights: &Permissions) -> Result<(), MemberRefusal> {
        self.permissions.lacks_of(rights).map_or(Ok(()), |beyond| Err(MemberRefusal::BeyondOwnRights(beyond)))
    }
}

/// One row for an active member, none for anybody else.
const HELD: Scoped = Scoped::new(
    "select coalesce((select jsonb_agg(to_jsonb(r)) from app.member_roles h join app.roles r on r.account_id = h.account_id and r.id = h.role_id
                      where h.account_id = m.account_id and h.user_id = m.user_id and r.deleted_at is null), '[]') as roles
     from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
);
const LOCK: Scoped = Scoped::new("select name from app.accounts where account_id = $1 for update");
const RENEW: Ending = Ending::new(
    "update app.sessions set epoch = epoch + 1 where account_id = $1 and user_id = any ($2) and revoked_at is null
     returning id, epoch, revoked_at",
);

/// The rights of a member; none of somebody who is no active member.
pub(crate) async fn of(tx: &mut TenantTx, user: UserId) -> Result<Option<Rights>> {
    let held: Option<(Json<Vec<HeldRole>>,)> = tx.read(HELD).bind(user).optional().await?;
    Ok(held.map(|(Json(roles),)| Rights::of(roles)))
}

/// Takes the account's lock on rights, so that two changes do not undo each other's rules, and tells what `who` may do
/// from here on: their token may have been overtaken while they waited.
pub(crate) async fn lock(tx: &mut TenantTx, who: &Principal) -> Result<Rights> {
    let rights = lock_for(tx, who.user()).await?.ok_or(db::Error::Ended)?;
    Ok(if who.is_key() { rights.of_key(who.permissions()) } else { rights })
}

/// The same for somebody who may be a member no more.
pub(crate) async fn lock_for(tx: &mut TenantTx, user: UserId) -> Result<Option<Rights>> {
    tx.read::<(String,)>(LOCK).optional().await?;
    of(tx, user).await
}

/// Makes the access tokens of these members good for nothing; a refresh gives them new ones, with today's rights.
pub(crate) async fn renew(tx: &mut TenantTx, users: &[UserId]) -> Result<()> {
    let users: Vec<Uuid> = users.iter().map(|user| Uuid::from(*user)).collect();
    tx.end_sessions(RENEW).bind(users).run().await?;
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
        let rights = Rights::of(vec![role("a", 1, &[], &[]), role("c", 9, &[], &[]), role("b", 9, &[], &[])]);
        assert_eq!(rights.names(), ["b", "c", "a"]);
    }

    #[test]
    fn a_field_is_hidden_unless_one_role_shows_it() {
        let blind = role("blind", 1, &["client:read"], &["client.credit_limit"]);
        let alone = Rights::of(vec![blind.clone(), role("other", 2, &["role:read"], &[])]);
        assert_eq!(alone.permissions.hidden(), ["client.credit_limit"]);
        let seeing = Rights::of(vec![blind, role("seeing", 2, &["client:read@own"], &[])]);
        assert!(seeing.permissions.hidden().is_empty());
    }

    #[test]
    fn an_admin_makes_no_owner_and_touches_none() {
        let (owner, admin) = (role(OWNER, 100, &["*:*"], &[]), role("admin", 80, &["*:*"], &[]));
        let (boss, helper) = (Rights::of(vec![owner.clone()]), Rights::of(vec![admin.clone()]));
        assert_eq!(helper.may_give(&owner), Err(MemberRefusal::OwnersOnly));
        assert_eq!(helper.may_change(&boss), Err(MemberRefusal::OwnersOnly));
        assert_eq!(helper.may_give(&admin), Ok(()));
        assert_eq!(boss.may_give(&owner), Ok(()));
        let few = Rights::of(vec![role("few", 1, &["member:*", "role:*"], &[])]);
        assert_eq!(few.may_give(&admin), Err(MemberRefusal::BeyondOwnRights("*:*".to_owned())));
    }
}
