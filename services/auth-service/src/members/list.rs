use axum::extract::State;
use db::{PageInfo, Pager, Paging, Scoped};
use kernel::{Id, User, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Error, Json, Marked, May, Path, Query, Read, Result};

use super::{Kept, KnownMember, Member, Membership, find, former, lock::locked_until, named, shown};
use crate::App;

/// Part of the account's members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Members {
    data: Vec<Member>,
    page: PageInfo,
}

const LIST: Scoped = Scoped::new(
    "select m.user_id, m.status, m.version, m.created_at, m.last_used_at,
            coalesce((select jsonb_agg(to_jsonb(r)) from app.member_roles h join app.roles r on r.account_id = h.account_id and r.id = h.role_id
                      where h.account_id = m.account_id and h.user_id = m.user_id and r.deleted_at is null), '[]') as roles
     from app.memberships m
     where m.account_id = $1 and m.status <> 'removed' and ($2::uuid is null or m.user_id > $2)
     order by m.user_id limit $3",
);

/// List who works in the account.
#[utoipa::path(get, path = "/api/v1/members", params(Paging), tag = "members")]
pub(crate) async fn list_members(
    may: May<Read, Membership>,
    Query(asked): Query<Paging>,
) -> Result<Json<Members>> {
    let mut tx = may.begin_reading().await?;
    let pager = Pager::new(&tx, &["members"], &asked)?;
    let mut members: Vec<Kept> = tx.read::<Kept>(LIST).bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut members, |member| member.user_id.into());
    Ok(Json(Members { data: named(&mut tx, members).await?, page }))
}

/// Find a member.
///
/// Of somebody who has left the account, or was removed from it, the name and `"status": "removed"`; such people are in no list.
#[utoipa::path(get, path = "/api/v1/members/{id}", params(Id<User>), tag = "members")]
pub(crate) async fn find_member(
    State(app): State<App>,
    may: May<Read, Membership>,
    Path(id): Path<UserId>,
) -> Result<Marked<KnownMember>> {
    let mut tx = may.begin_reading().await?;
    let member = match find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return former::find(&mut tx, id).await,
        found => found?,
    };
    let Marked(version, mut member) = shown(&mut tx, member).await?;
    member.locked_until = locked_until(&app, &mut tx, &member.email).await?;
    Ok(Marked(version, KnownMember::Present(member)))
}
