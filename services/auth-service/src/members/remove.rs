use db::{Change, Scoped, ScopedWrite, TenantTx};
use kernel::{Id, User, UserId};
use serde_json::json;
use web::{Delete, IfMatch, May, NoContent, Path, Result};

use super::{MemberRefusal, Membership, find, shown};
use crate::{
    invitations::revoke_all_of,
    rights::{self, Rights},
    sessions::end::end_all,
};

/// The row stays: what the person has done, and what they own, points at it.
const GO: ScopedWrite = ScopedWrite::new(
    "with roles as (delete from app.member_roles where account_id = $1 and user_id = $2),
          teams as (delete from app.team_members where account_id = $1 and user_id = $2)
     update app.memberships set status = 'removed', removed_while_suspended = status = 'suspended', version = version + 1 where account_id = $1 and user_id = $2",
);
const OWNERS: Scoped = Scoped::new(
    "select count(*) from app.member_roles h
     join app.roles r on r.account_id = h.account_id and r.id = h.role_id and r.standard and r.name = 'owner'
     join app.memberships m on m.account_id = h.account_id and m.user_id = h.user_id and m.status = 'active'
     where h.account_id = $1",
);

/// Remove a member.
///
/// Their sessions in this account end with their very next request; what they own stays theirs until somebody else is
/// given it. An invitation brings them back: if they were suspended, one of somebody who may change members.
#[utoipa::path(delete, path = "/api/v1/members/{id}", params(Id<User>, IfMatch), tag = "members")]
pub(crate) async fn remove_member(
    may: May<Delete, Membership>,
    Path(id): Path<UserId>,
    seen: IfMatch,
) -> Result<NoContent> {
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
    author.may_change(&Rights::of(member.roles.0))?;
    depart(&mut tx, id, "removed").await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Ends the membership of `user`: their roles, teams and sessions go.
pub(crate) async fn depart(tx: &mut TenantTx, user: UserId, how: &'static str) -> Result<()> {
    let gone = Change::new(&format!("auth.member.{how}"), "member", user.into(), how);
    tx.write_noted::<()>(GO, gone.with(json!({ "status": "removed" }))).bind(user).run().await?;
    revoke_all_of(tx, user).await?;
    rights::renew(tx, &[user]).await?; // the keys that they have given
    end_all(tx, user, how).await
}

/// How many active owners there are. Whoever asks holds the account's lock on rights.
pub(crate) async fn count_owners(tx: &mut TenantTx) -> Result<i64> {
    Ok(tx.read::<(i64,)>(OWNERS).optional().await?.map_or(0, |(count,)| count))
}
