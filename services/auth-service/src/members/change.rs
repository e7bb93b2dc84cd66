use db::{Change, TenantCommand, TenantTx};
use kernel::{Id, User, UserId};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Authorized, IfMatch, Json, Path, Redacted, Result, WithETag, Write};

use super::{Member, MemberRefusal, Membership, MembershipRow, find, is_service, shown};
use crate::{
    rights::{self, HeldRole, Rights, RightsChange},
    roles,
    sessions::end::end_all,
};

/// Changes to a member; absent fields stay unchanged.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberPatch {
    /// Ids of all roles that the member has after the change.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    roles: Option<Vec<Uuid>>,
    /// `suspended` ends the member's sessions in this account and locks them out until the status is `active` again.
    status: Option<MemberStatus>,
}

/// Status of a membership, settable by a caller.
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

const TAKE: TenantCommand =
    TenantCommand::new("delete from app.member_roles where account_id = $1 and user_id = $2");
const GIVE: TenantCommand = TenantCommand::new(
    "insert into app.member_roles (account_id, user_id, role_id) select $1, $2, unnest($3::uuid[])",
);
const MARK: TenantCommand = TenantCommand::new(
    "update app.memberships set status = coalesce($3, status), version = version + 1 where account_id = $1 and user_id = $2",
);

/// Update a member's roles or status.
///
/// It takes effect with the member's next request. Callers cannot change themselves, grant rights they lack, or change
/// a member with more rights than theirs.
#[utoipa::path(patch, path = "/api/v1/members/{id}", params(Id<User>, IfMatch), tag = "members")]
pub(crate) async fn update_member(
    auth: Authorized<Write, Membership>,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(asked): Json<MemberPatch>,
) -> Result<WithETag<Redacted<Member>>> {
    let mut tx = auth.begin().await?;
    let author = rights::lock(&mut tx, auth.who()).await?;
    let member = find(&mut tx, id).await?;
    if if_match != member.version {
        let now = auth.shown(shown(&mut tx, member).await?.1)?;
        return Err(web::Error::Stale("member", Some(now.into_json()?)));
    }
    if id == auth.who().user() {
        return Err(MemberRefusal::OwnRights.into());
    }
    let held = Rights::from_roles(member.roles.0.clone());
    author.may_change(&held)?;
    let roles = match &asked.roles {
        Some(wanted) => Some(fitting(&mut tx, id, wanted).await?),
        None => None,
    };
    author.authorize(&mut tx, &gains(&member, &held, roles.as_deref(), asked.status)).await?;
    if let Some(roles) = &roles {
        tx.execute_untracked::<()>(TAKE).bind(id).run().await?;
        insert_roles(&mut tx, id, roles).await?;
    }
    let given = roles.map(|roles| Rights::from_roles(roles).names());
    if asked.status == Some(MemberStatus::Suspended) {
        rights::revoke_invitations_of(&mut tx, id).await?;
        end_all(&mut tx, id, "suspended").await?;
    }
    let status = asked.status.map(MemberStatus::name);
    let change = Change::new("auth.member.changed", "member", id.into(), "changed")
        .at(member.version + 1)
        .from(json!({ "roles": Rights::from_roles(member.roles.0).names(), "status": member.status }))
        .with(json!({ "roles": given, "status": status }));
    tx.execute_audited::<()>(MARK, change).bind(id).bind(status).run().await?;
    rights::renew(&mut tx, &[id]).await?;
    let member = find(&mut tx, id).await?;
    let WithETag(version, member) = shown(&mut tx, member).await?;
    let member = auth.shown(member)?;
    tx.commit().await?;
    Ok(WithETag(version, member))
}

/// The change of rights. A reactivated member starts from no rights.
fn gains(
    member: &MembershipRow,
    held: &Rights,
    roles: Option<&[HeldRole]>,
    status: Option<MemberStatus>,
) -> Vec<RightsChange> {
    let let_in = member.status == "suspended" && status == Some(MemberStatus::Active);
    let before = if let_in { Rights::default() } else { held.clone() };
    RightsChange::of_roles(Some(member.user_id), before, roles.unwrap_or(&held.roles))
}

/// Loads the requested roles of `member`; a service account cannot be an owner.
async fn fitting(tx: &mut TenantTx, member: UserId, wanted: &[Uuid]) -> Result<Vec<HeldRole>> {
    let roles = roles::find_all(tx, wanted, "/roles").await?;
    if roles.iter().any(HeldRole::is_owner) && is_service(tx, member).await? {
        return Err(MemberRefusal::SuccessorUnfit.into());
    }
    Ok(roles)
}

/// Adds roles to a member who has none of them; the caller audits the change.
pub(crate) async fn insert_roles(tx: &mut TenantTx, user: UserId, roles: &[HeldRole]) -> Result<()> {
    let ids: Vec<Uuid> = roles.iter().map(|role| role.id).collect();
    tx.execute_untracked::<()>(GIVE).bind(user).bind(ids).run().await?;
    Ok(())
}
