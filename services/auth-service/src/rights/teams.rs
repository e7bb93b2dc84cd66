//! Permissions with the scope `@team`: they cover the records of all members of one's teams.

use std::collections::HashSet;

use db::{TenantQuery, TenantTx};
use identity::{Permissions, SUBJECTS, Scope};
use kernel::UserId;
use uuid::Uuid;
use web::Result;

use super::Rights;

/// The permissions of a member whose scope is exactly `@team`.
pub(super) struct OfTeams {
    pub(super) as_they_are: Permissions,
    /// These permissions, extended to all records of the account.
    pub(super) everywhere: Permissions,
}

/// Extracts the `@team` permissions; `None` if there are none.
pub(super) fn permissions(held: &Permissions) -> Option<OfTeams> {
    let texts: Vec<String> = reaching(held, Scope::Team).collect();
    let hidden = || held.hidden().iter().cloned();
    (!texts.is_empty()).then(|| OfTeams {
        as_they_are: Permissions::new(texts.iter().map(|text| format!("{text}@team"))).hiding(hidden()),
        everywhere: Permissions::new(&texts).hiding(hidden()),
    })
}

/// The first `@team` permission of `after` that `before` lacks and that `grantor` does not have for all records.
pub(super) fn gained(grantor: &Permissions, before: &Rights, after: &Rights) -> Option<String> {
    let was: HashSet<String> =
        reaching(&before.permissions, Scope::Team).chain(reaching(&before.permissions, Scope::All)).collect();
    let everywhere: HashSet<String> = reaching(grantor, Scope::All).collect();
    let mut gained = reaching(&after.permissions, Scope::Team);
    gained.find(|text| !was.contains(text) && !everywhere.contains(text))
}

/// Each `resource:action` on records that is held with exactly this scope.
fn reaching(held: &Permissions, scope: Scope) -> impl Iterator<Item = String> {
    let records = SUBJECTS.iter().filter(|subject| subject.records);
    let each = records.flat_map(|subject| subject.actions.iter().map(|action| (subject.name, *action)));
    let each = each.filter(move |(resource, action)| held.scope(resource, action) == Some(scope));
    each.map(|(resource, action)| format!("{resource}:{action}"))
}

const OTHERS: TenantQuery = TenantQuery::new(
    "select exists (
         select from app.team_members one
         join app.teams team on team.account_id = one.account_id and team.id = one.team_id and team.deleted_at is null
         join app.team_members mate on mate.account_id = one.account_id and mate.team_id = one.team_id
         where one.account_id = $1 and one.user_id = any ($2) and mate.user_id <> one.user_id and mate.user_id <> all ($3))",
);
const MATES: TenantQuery = TenantQuery::new(
    "select distinct mate.user_id
     from app.team_members mine
     join app.teams team on team.account_id = mine.account_id and team.id = mine.team_id and team.deleted_at is null
     join app.team_members mate on mate.account_id = mine.account_id and mate.team_id = mine.team_id
     where mine.account_id = $1 and mine.user_id = $2",
);

/// True if one of `members` has a team-mate who is no team-mate of `grantor`.
pub(super) async fn reach_others(tx: &mut TenantTx, members: &[UserId], grantor: UserId) -> Result<bool> {
    let known: Vec<Uuid> = mates(tx, grantor).await?.into_iter().map(Uuid::from).collect();
    let members: Vec<Uuid> = members.iter().map(|member| Uuid::from(*member)).collect();
    let others: Option<(bool,)> = tx.read(OTHERS).bind(members).bind(known).optional().await?;
    Ok(others == Some((true,)))
}

/// The ids of `user` and all their team-mates.
pub(super) async fn mates(tx: &mut TenantTx, user: UserId) -> Result<HashSet<UserId>> {
    let mates: Vec<(UserId,)> = tx.read(MATES).bind(user).all().await?;
    Ok(mates.into_iter().map(|(mate,)| mate).chain([user]).collect())
}
