//! Checks of records against the access scope of a transaction.

#![expect(clippy::disallowed_methods, reason = "the conditions of access scopes are generated here")]

use identity::Permissions;
use kernel::UserId;
use uuid::Uuid;

use super::TenantTx;
use crate::{AccessScope, AccessTarget, Error, OutsideScope, ReadScope, Result};

/// Reason why a record is outside a member's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeViolation {
    /// No permission of the member covers the action.
    Action,
    /// The record belongs to another person.
    Owner,
    /// The record is about a subject that the member may not read.
    Subject,
}

impl TenantTx {
    /// Explains why `member`, with these permissions, cannot perform `action` on the record; `None` if they can.
    /// Records in the trash count too.
    pub async fn scope_violation(
        &mut self,
        (target, id): (&AccessTarget, Uuid),
        member: UserId,
        permissions: &Permissions,
        action: &str,
    ) -> Result<Option<ScopeViolation>> {
        let Some(scope) = permissions.scope(target.name, action) else {
            return Ok(Some(ScopeViolation::Action));
        };
        let [owned, about] = AccessScope::new(permissions.clone()).judging(target, scope, "$3");
        let text = format!(
            "select coalesce($3::uuid is not null{owned}, false), coalesce(true{about}, false) from app.{} where account_id = $1 and id = $2",
            target.table
        );
        match self.generated::<(bool, bool)>(text).bind(id).bind(member).optional().await? {
            Some((true, true)) => Ok(None),
            Some((true, false)) => Ok(Some(ScopeViolation::Subject)),
            Some((false, _)) => Ok(Some(ScopeViolation::Owner)),
            None => Err(Error::NotFound(target.name)),
        }
    }

    /// Fails with [`OutsideScope`] unless the record that was just written is in scope.
    pub async fn ensure_in_scope(&mut self, target: &AccessTarget, id: Uuid) -> Result<()> {
        if self.scope().is_whole(target) || self.is_in_scope(target, id).await? {
            return Ok(());
        }
        Err(OutsideScope.into())
    }

    /// Fails with [`OutsideScope`] unless every one of these records is in scope.
    pub async fn ensure_all_in_scope(&mut self, target: &AccessTarget, ids: &[Uuid]) -> Result<()> {
        if self.scope().is_whole(target) {
            return Ok(());
        }
        let condition = self.scope().condition(target);
        let text = format!(
            "select count(*) from app.{} where account_id = $1 and id = any($2){condition}",
            target.table
        );
        let reached = self.generated::<(i64,)>(text).bind(ids).optional().await?;
        let reached = reached.map(|(count,)| usize::try_from(count));
        if reached == Some(Ok(ids.len())) { Ok(()) } else { Err(OutsideScope.into()) }
    }

    /// Whether the record, in the trash or not, is in scope.
    pub async fn is_in_scope(&mut self, target: &AccessTarget, id: Uuid) -> Result<bool> {
        let condition = self.scope().condition(target);
        let text =
            format!("select true from app.{} where account_id = $1 and id = $2{condition}", target.table);
        Ok(self.generated::<(bool,)>(text).bind(id).optional().await?.is_some())
    }

    /// Whether there is such a live record in scope.
    pub async fn finds(&mut self, target: &AccessTarget, id: Uuid) -> Result<bool> {
        let condition = self.scope().condition(target);
        let text = format!(
            "select true from app.{} where account_id = $1 and id = $2 and deleted_at is null{condition}",
            target.table
        );
        Ok(self.generated::<(bool,)>(text).bind(id).optional().await?.is_some())
    }

    /// Those of these records that the caller may read, in the trash or not; `None` if they may read all.
    pub async fn readable_among(
        &mut self,
        target: &AccessTarget,
        ids: Vec<Uuid>,
    ) -> Result<Option<std::collections::HashSet<Uuid>>> {
        let condition = match self.scope().reading_of(target) {
            ReadScope::Every => return Ok(None),
            ReadScope::None => return Ok(Some(std::collections::HashSet::new())),
            ReadScope::Where(condition) => condition,
        };
        let text = format!(
            "select id from app.{} record where account_id = $1 and id = any ($2){condition}",
            target.table
        );
        let found = self.generated::<(Uuid,)>(text).bind(ids).all().await?;
        Ok(Some(found.into_iter().map(|(id,)| id).collect()))
    }
}
