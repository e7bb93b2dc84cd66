use axum::extract::State;
use db::TenantQuery;
use kernel::{Id, User, UserId};
use resource::{PageInfo, PageParams, Pager};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Authorized, Error, Json, Path, Query, Read, Result, WithETag};

use super::{KnownMember, Member, Membership, MembershipRow, find, former, lock::locked_until, named, shown};
use crate::App;

/// A page of the account's members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Members {
    data: Vec<Member>,
    page: PageInfo,
}

const LIST: TenantQuery = TenantQuery::new(concat!(
    "select m.user_id, m.status, m.version, m.created_at, m.last_used_at,
            ",
    db::held_roles!(),
    "
     from app.memberships m
     where m.account_id = $1 and m.status <> 'removed' and ($2::uuid is null or m.user_id > $2)
     order by m.user_id limit $3",
));

/// List the members of the account.
#[utoipa::path(get, path = "/api/v1/members", params(PageParams), tag = "members")]
pub(crate) async fn list_members(
    auth: Authorized<Read, Membership>,
    Query(params): Query<PageParams>,
) -> Result<Json<Members>> {
    let mut tx = auth.begin_read_only().await?;
    let pager = Pager::new(&tx, &["members"], &params)?;
    let mut members: Vec<MembershipRow> =
        tx.read::<MembershipRow>(LIST).bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut members, |member| member.user_id.into());
    Ok(Json(Members { data: named(&mut tx, members).await?, page }))
}

/// Get a member.
///
/// For a person who left the account or was removed, the response has only the name and `"status": "removed"`; such
/// people are not listed.
#[utoipa::path(get, path = "/api/v1/members/{id}", params(Id<User>), tag = "members")]
pub(crate) async fn get_member(
    State(app): State<App>,
    auth: Authorized<Read, Membership>,
    Path(id): Path<UserId>,
) -> Result<WithETag<KnownMember>> {
    let mut tx = auth.begin_read_only().await?;
    let member = match find(&mut tx, id).await {
        Err(Error::NotFound(_)) => return former::find(&mut tx, id).await,
        found => found?,
    };
    let WithETag(version, mut member) = shown(&mut tx, member).await?;
    member.locked_until = locked_until(&app, &mut tx, &member.email).await?;
    Ok(WithETag(version, KnownMember::Present(member)))
}
