use db::{Change, Scoped, ScopedWrite, TenantTx};
use identity::Permissions;
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{IfMatch, Json, Marked, May, Path, Read, Result, Write};

use super::Team;
use crate::{members::MemberRefusal, rights};

/// Who is in a team.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamMembers {
    /// The ids of its members: all of them.
    #[validate(length(max = 500))]
    #[schema(value_type = Vec<Uuid>)]
    members: Vec<UserId>,
}

const MEMBERS: Scoped = Scoped::new(
    "select user_id from app.team_members where account_id = $1 and team_id = $2 order by user_id",
);
const SET: ScopedWrite = ScopedWrite::new(
    "with gone as (delete from app.team_members where account_id = $1 and team_id = $2 and user_id <> all ($3))
     insert into app.team_members (account_id, team_id, user_id)
     select $1, $2, m.user_id from app.memberships m where m.account_id = $1 and m.user_id = any ($3) and m.status <> 'removed'
     on conflict do nothing",
);

/// List who is in a team.
#[utoipa::path(get, path = "/api/v1/teams/{id}/members", params(Id<Team>), tag = "teams")]
pub(crate) async fn team_members(
    may: May<Read, Team>,
    Path(id): Path<Id<Team>>,
) -> Result<Marked<TeamMembers>> {
    let mut tx = may.begin_reading().await?;
    let team = db::find(&mut tx, id).await?;
    let members = members(&mut tx, id).await?;
    Ok(Marked(team.kept.version, TeamMembers { members }))
}

/// Who is in a team, also in one that is in the trash.
pub(super) async fn members(tx: &mut TenantTx, team: Id<Team>) -> Result<Vec<UserId>> {
    let members: Vec<(UserId,)> = tx.read(MEMBERS).bind(team).all().await?;
    Ok(members.into_iter().map(|(member,)| member).collect())
}

/// Say who is in a team.
///
/// It takes effect at once: what a permission reaches for a team is asked of the database each time. So nobody adds
/// themselves to one, but those who may do everything anyway; and whoever adds somebody reaches, by permissions of their
/// own, what each member of the team gains by it. Its `ETag` is that of the team, which gets its next version.
#[utoipa::path(put, path = "/api/v1/teams/{id}/members", params(Id<Team>, IfMatch), tag = "teams")]
pub(crate) async fn set_team_members(
    may: May<Write, Team>,
    Path(id): Path<Id<Team>>,
    seen: IfMatch,
    Json(asked): Json<TeamMembers>,
) -> Result<Marked<TeamMembers>> {
    let mut tx = may.begin().await?;
    let author = rights::lock(&mut tx, may.who()).await?;
    let team = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &team).await?;
    let me = may.who().user();
    let before = members(&mut tx, id).await?;
    if asked.members.contains(&me) && !before.contains(&me) {
        author.reach(&Permissions::new(["*:*"])).map_err(|_| MemberRefusal::OwnRights)?;
    }
    author.authorize_team(&mut tx, &before, &asked.members).await?;
    let mut wanted: Vec<Uuid> = asked.members.into_iter().map(Uuid::from).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let change = Change::new("auth.team.changed", "team", id.into(), "members_set");
    let version = db::touch(&mut tx, &team).await?.kept.version;
    let change = change.with(json!({ "members": wanted })).at(version);
    tx.write_noted::<()>(SET, change).bind(id).bind(&wanted).run().await?;
    let members = members(&mut tx, id).await?;
    if members.len() != wanted.len() {
        return Err(MemberRefusal::MemberUnknown.into());
    }
    tx.commit().await?;
    Ok(Marked(version, TeamMembers { members }))
}
