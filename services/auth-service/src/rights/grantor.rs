//! Decides whether a member may grant rights to another. Every operation that adds to a member's rights calls it.

use db::TenantTx;
use identity::Permissions;
use kernel::UserId;
use uuid::Uuid;
use web::Result;

use super::{HeldRole, Rights, RightsRefusal, of_members, teams};

/// A member who changes the rights of others, with their own rights.
#[derive(Debug)]
pub(crate) struct Grantor {
    user: UserId,
    rights: Rights,
}

/// A change of the rights of one member.
#[derive(Debug)]
pub(crate) struct RightsChange {
    /// `None` for a role or an invitation that no member has yet.
    pub(crate) to: Option<UserId>,
    pub(crate) before: Rights,
    pub(crate) after: Rights,
}

impl RightsChange {
    /// The grant of a role to a member without rights.
    pub(crate) fn of_role(role: &HeldRole) -> Self {
        Self { to: None, before: Rights::default(), after: Rights::from_roles(vec![role.clone()]) }
    }

    /// Replaces the member's roles by `roles`: one change per new role, and one for all of them together.
    pub(crate) fn of_roles(to: Option<UserId>, before: Rights, roles: &[HeldRole]) -> Vec<Self> {
        let new = roles.iter().filter(|role| !before.roles.iter().any(|held| held.id == role.id));
        let mut gains: Vec<Self> = new.map(Self::of_role).collect();
        gains.push(Self { to, before, after: Rights::from_roles(roles.to_vec()) });
        gains
    }
}

impl Grantor {
    pub(crate) fn new(user: UserId, rights: Rights) -> Self {
        Self { user, rights }
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.rights.is_owner()
    }

    pub(crate) fn permissions(&self) -> &Permissions {
        &self.rights.permissions
    }

    /// True if the grantor holds this role.
    pub(crate) fn holds(&self, role: Uuid) -> bool {
        self.rights.roles.iter().any(|held| held.id == role)
    }

    /// Refuses rights that the grantor lacks: a permission, its scope, a hidden field, or the records of a team they
    /// are not in. Also refuses rights that are too large for a token.
    pub(crate) async fn authorize(&self, tx: &mut TenantTx, gains: &[RightsChange]) -> Result<()> {
        let (mut of_teams, mut members) = (None, Vec::new());
        for RightsChange { to, before, after } in gains {
            self.covers(before, after)?;
            after.check_token_size(before)?;
            if let Some(member) = to
                && let Some(text) = teams::gained(&self.rights.permissions, before, after)
            {
                of_teams.get_or_insert(text);
                members.push(*member);
            }
        }
        match of_teams {
            Some(text) if teams::reach_others(tx, &members, self.user).await? => {
                Err(RightsRefusal::BeyondOwnRights(text).into())
            }
            _ => Ok(()),
        }
    }

    /// Checks one role that no member has yet, without a query.
    pub(crate) fn can_grant(&self, role: &HeldRole) -> Result<(), RightsRefusal> {
        let RightsChange { before, after, .. } = RightsChange::of_role(role);
        self.covers(&before, &after)
    }

    /// Refuses a role beyond the grantor's rights.
    pub(crate) async fn authorize_role(&self, tx: &mut TenantTx, role: &HeldRole) -> Result<()> {
        self.authorize(tx, &[RightsChange::of_role(role)]).await
    }

    /// Refuses to change a member who has more rights.
    pub(crate) fn may_change(&self, member: &Rights) -> Result<(), RightsRefusal> {
        self.covers(&Rights::default(), member)
    }

    /// Refuses permissions and fields that the grantor does not have.
    pub(crate) fn reach(&self, rights: &Permissions) -> Result<(), RightsRefusal> {
        let lacks = self.rights.permissions.first_missing(rights);
        lacks.map_or(Ok(()), |beyond| Err(RightsRefusal::BeyondOwnRights(beyond)))
    }

    /// Refuses to change a team's members from `before` to `all` if one of them would gain records by `@team` that the
    /// grantor cannot access. The others gain the records of the new members; the new members gain those of all.
    pub(crate) async fn authorize_team(
        &self,
        tx: &mut TenantTx,
        before: &[UserId],
        all: &[UserId],
    ) -> Result<()> {
        let added: Vec<UserId> = all.iter().copied().filter(|one| !before.contains(one)).collect();
        if added.is_empty() {
            return Ok(());
        }
        let held = of_members(tx, all).await?;
        if held.iter().all(|(_, rights)| teams::permissions(&rights.permissions).is_none()) {
            return Ok(());
        }
        let mine = teams::mates(tx, self.user).await?;
        for (member, rights) in &held {
            let owners = if added.contains(member) { all } else { &added };
            if let Some(of_teams) = teams::permissions(&rights.permissions) {
                let known = owners.iter().all(|owner| owner == member || mine.contains(owner));
                self.reach(&if known { of_teams.as_they_are } else { of_teams.everywhere })?;
            }
        }
        Ok(())
    }

    fn covers(&self, before: &Rights, after: &Rights) -> Result<(), RightsRefusal> {
        if after.is_owner() && !before.is_owner() && !self.is_owner() {
            return Err(RightsRefusal::OwnersOnly);
        }
        let lacks = self.rights.permissions.first_missing_for_change(&before.permissions, &after.permissions);
        lacks.map_or(Ok(()), |beyond| Err(RightsRefusal::BeyondOwnRights(beyond)))
    }
}
