use db::{Change, Scoped, ScopedWrite, TenantTx};
use kernel::{Id, User, UserId};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{IfMatch, Json, Marked, May, Path, Result, Shown, Write};

use super::{Kept, Member, MemberRefusal, Membership, find, is_service, shown};
use crate::{
    invitations::revoke_all_of,
    rights::{self, HeldRole, Rights, RightsChange},
    sessions::end::end_all,
};

/// What to change about a member; what is absent stays.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// The ids of all roles that they are to have.
    #[validate(length(max = 20))]
    roles: Option<Vec<Uuid>>,
    /// `suspended` ends their sessions in this account, and keeps them out until it is `active` again.
    status: Option<MemberStatus>,
}

/// Whether a member is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberStatus {
    Active,
    Suspended,
}

impl MemberStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

const ROLES: Scoped = Scoped::new(
    "select id, name, priority, standard, permissions, hidden_fields from app.roles
     where account_id = $1 and id = any ($2) and deleted_at is null",
);
const TAKE: ScopedWrite =
    ScopedWrite::new("delete from app.member_roles where account_id = $1 and user_id = $2");
const GIVE: ScopedWrite = ScopedWrite::new(
    "insert into app.member_roles (account_id, user_id, role_id) select $1, $2, unnest($3::uuid[])",
);
const MARK: ScopedWrite = ScopedWrite::new(
    "update app.memberships set status = coalesce($3, status), version = version + 1 where account_id = $1 and user_id = $2",
);

/// Change a member's roles, suspend them, or let them in again.
///
/// It takes effect with their very next request. Nobody changes themselves, gives what they do not have, or changes
/// somebody who may do more than they.
#[utoipa::path(patch, path = "/api/v1/members/{id}", params(Id<User>, IfMatch), tag = "members")]
pub(crate) async fn change_member(
    may: May<Write, Membership>,
    Path(id): Path<UserId>,
    seen: IfMatch,
    Json(asked): Json<MemberChange>,
) -> Result<Marked<Shown<Member>>> {
    let mut tx = may.begin().await?;
    let author = rights::lock(&mut tx, may.who()).await?;
    let member = find(&mut tx, id).await?;
    if seen != member.version {
        let now = may.shown(shown(&mut tx, member).await?.1)?;
        return Err(web::Error::Stale("member", Some(now.into_json()?)));
    }
    if id == may.who().user() {
        return Err(MemberRefusal::OwnRights.into());
    }
    let held = Rights::of(member.roles.0.clone());
    author.may_change(&held)?;
    let roles = match &asked.roles {
        Some(wanted) => Some(fitting(&mut tx, id, wanted).await?),
        None => None,
    };
    author.authorize(&mut tx, &gains(&member, &held, roles.as_deref(), asked.status)).await?;
    if let Some(roles) = &roles {
        tx.write_unnoted::<()>(TAKE).bind(id).run().await?;
        give(&mut tx, id, roles).await?;
    }
    let given = roles.map(|roles| Rights::of(roles).names());
    if asked.status == Some(MemberStatus::Suspended) {
        revoke_all_of(&mut tx, id).await?;
        end_all(&mut tx, id, "suspended").await?;
    }
    let status = asked.status.map(MemberStatus::name);
    let change = Change::new("auth.member.changed", "member", id.into(), "changed")
        .at(member.version + 1)
        .from(json!({ "roles": Rights::of(member.roles.0).names(), "status": member.status }))
        .with(json!({ "roles": given, "status": status }));
    tx.write_noted::<()>(MARK, change).bind(id).bind(status).run().await?;
    rights::renew(&mut tx, &[id]).await?;
    let member = find(&mut tx, id).await?;
    let Marked(version, member) = shown(&mut tx, member).await?;
    let member = may.shown(member)?;
    tx.commit().await?;
    Ok(Marked(version, member))
}

/// The change of rights; for a member who becomes active again, from none.
fn gains(
    member: &Kept,
    held: &Rights,
    roles: Option<&[HeldRole]>,
    status: Option<MemberStatus>,
) -> Vec<RightsChange> {
    let let_in = member.status == "suspended" && status == Some(MemberStatus::Active);
    let before = if let_in { Rights::default() } else { held.clone() };
    RightsChange::of_roles(Some(member.user_id), before, roles.unwrap_or(&held.roles))
}

/// The requested roles of `member`; a service account cannot be an owner.
async fn fitting(tx: &mut TenantTx, member: UserId, wanted: &[Uuid]) -> Result<Vec<HeldRole>> {
    let roles = roles(tx, wanted).await?;
    if roles.iter().any(HeldRole::is_owner) && is_service(tx, member).await? {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    Ok(roles)
}

/// The account's roles of these ids: all of them, or a refusal.
pub(crate) async fn roles(tx: &mut TenantTx, wanted: &[Uuid]) -> Result<Vec<HeldRole>> {
    let mut ids = wanted.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let roles = known_roles(tx, &ids).await?;
    if roles.len() == ids.len() { Ok(roles) } else { Err(MemberRefusal::RoleUnknown.into()) }
}

/// Those of the account's roles that have one of these ids.
pub(crate) async fn known_roles(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<HeldRole>> {
    Ok(tx.read::<HeldRole>(ROLES).bind(ids).all().await?)
}

/// Gives roles to somebody who has none of them; part of a change that is noted.
pub(crate) async fn give(tx: &mut TenantTx, user: UserId, roles: &[HeldRole]) -> Result<()> {
    let ids: Vec<Uuid> = roles.iter().map(|role| role.id).collect();
    tx.write_unnoted::<()>(GIVE).bind(user).bind(ids).run().await?;
    Ok(())
}
