use db::{Change, TenantCommand, TenantQuery, TenantTx};
use identity::Permissions;
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Authorized, IfMatch, Json, Path, Read, Result, WithETag, Write};

use super::Team;
use crate::{members::MemberRefusal, rights};

/// Members of a team, as a complete list.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamMembers {
    /// Ids of all members of the team.
    #[validate(length(max = 500))]
    #[schema(value_type = Vec<Uuid>, max_items = 500)]
    members: Vec<UserId>,
}

const MEMBERS: TenantQuery = TenantQuery::new(
    "select user_id from app.team_members where account_id = $1 and team_id = $2 order by user_id",
);
const SET: TenantCommand = TenantCommand::new(
    "with gone as (delete from app.team_members where account_id = $1 and team_id = $2 and user_id <> all ($3))
     insert into app.team_members (account_id, team_id, user_id)
     select $1, $2, m.user_id from app.memberships m where m.account_id = $1 and m.user_id = any ($3) and m.status <> 'removed'
     on conflict do nothing",
);

/// List the members of a team.
#[utoipa::path(get, path = "/api/v1/teams/{id}/members", params(Id<Team>), tag = "teams")]
pub(crate) async fn list_team_members(
    auth: Authorized<Read, Team>,
    Path(id): Path<Id<Team>>,
) -> Result<WithETag<TeamMembers>> {
    let mut tx = auth.begin_read_only().await?;
    let team = resource::find(&mut tx, id).await?;
    let members = members(&mut tx, id).await?;
    Ok(WithETag(team.meta.version, TeamMembers { members }))
}

/// The members of a team, including a deleted one.
pub(super) async fn members(tx: &mut TenantTx, team: Id<Team>) -> Result<Vec<UserId>> {
    let members: Vec<(UserId,)> = tx.read(MEMBERS).bind(team).all().await?;
    Ok(members.into_iter().map(|(member,)| member).collect())
}

/// Replace the members of a team.
///
/// It takes effect at once, because `@team` permissions are evaluated on each access. Callers cannot add themselves,
/// unless they have all permissions. To add a member, callers need access to the records that the team's members gain.
/// The `ETag` is that of the team, whose version is incremented.
#[utoipa::path(put, path = "/api/v1/teams/{id}/members", params(Id<Team>, IfMatch), tag = "teams")]
pub(crate) async fn set_team_members(
    auth: Authorized<Write, Team>,
    Path(id): Path<Id<Team>>,
    if_match: IfMatch,
    Json(asked): Json<TeamMembers>,
) -> Result<WithETag<TeamMembers>> {
    let mut tx = auth.begin().await?;
    let author = rights::lock(&mut tx, auth.who()).await?;
    let team = resource::find(&mut tx, id).await?;
    resource::ensure_unchanged(&mut tx, if_match, &team).await?;
    let me = auth.who().user();
    let before = members(&mut tx, id).await?;
    if asked.members.contains(&me) && !before.contains(&me) {
        author.reach(&Permissions::new(["*:*"])).map_err(|_| MemberRefusal::OwnRights)?;
    }
    author.authorize_team(&mut tx, &before, &asked.members).await?;
    let mut wanted: Vec<Uuid> = asked.members.into_iter().map(Uuid::from).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let change = Change::new("auth.team.changed", "team", id.into(), "members_set");
    let version = resource::bump_version(&mut tx, &team).await?.meta.version;
    let change = change.with(json!({ "members": wanted })).at(version);
    tx.execute_audited::<()>(SET, change).bind(id).bind(&wanted).run().await?;
    let members = members(&mut tx, id).await?;
    if members.len() != wanted.len() {
        return Err(MemberRefusal::MemberUnknown.into());
    }
    tx.commit().await?;
    Ok(WithETag(version, TeamMembers { members }))
}
