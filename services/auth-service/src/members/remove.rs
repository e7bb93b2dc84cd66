use db::{Change, TenantCommand, TenantQuery, TenantTx};
use kernel::{Id, User, UserId};
use serde_json::json;
use web::{Authorized, Delete, IfMatch, NoContent, Path, Result};

use super::{MemberRefusal, Membership, find, shown};
use crate::{
    rights::{self, Rights},
    sessions::end::end_all,
};

/// The row stays, because records that the person owns and audit entries refer to it.
const GO: TenantCommand = TenantCommand::new(
    "with roles as (delete from app.member_roles where account_id = $1 and user_id = $2),
          teams as (delete from app.team_members where account_id = $1 and user_id = $2)
     update app.memberships set status = 'removed', removed_while_suspended = status = 'suspended', version = version + 1 where account_id = $1 and user_id = $2",
);
const OWNERS: TenantQuery = TenantQuery::new(
    "select count(*) from app.member_roles h
     join app.roles r on r.account_id = h.account_id and r.id = h.role_id and r.standard and r.name = 'owner'
     join app.memberships m on m.account_id = h.account_id and m.user_id = h.user_id and m.status = 'active'
     where h.account_id = $1",
);

/// Remove a member from the account.
///
/// Their sessions in this account end with the next request. They stay the owner of their records until these are
/// reassigned. An invitation brings them back; if they were suspended, its sender needs `member:write`.
#[utoipa::path(delete, path = "/api/v1/members/{id}", params(Id<User>, IfMatch), tag = "members")]
pub(crate) async fn remove_member(
    auth: Authorized<Delete, Membership>,
    Path(id): Path<UserId>,
    if_match: IfMatch,
) -> Result<NoContent> {
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
    author.may_change(&Rights::from_roles(member.roles.0))?;
    remove_from_account(&mut tx, id, "removed").await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Ends the membership of `user` with its roles, teams and sessions.
pub(crate) async fn remove_from_account(tx: &mut TenantTx, user: UserId, how: &'static str) -> Result<()> {
    let gone = Change::new(&format!("auth.member.{how}"), "member", user.into(), how);
    tx.execute_audited::<()>(GO, gone.with(json!({ "status": "removed" }))).bind(user).run().await?;
    rights::revoke_invitations_of(tx, user).await?;
    rights::renew(tx, &[user]).await?; // the keys that they granted
    end_all(tx, user, how).await
}

/// Number of active owners. Callers hold the account's lock on rights.
pub(crate) async fn count_owners(tx: &mut TenantTx) -> Result<i64> {
    Ok(tx.read::<(i64,)>(OWNERS).optional().await?.map_or(0, |(count,)| count))
}
