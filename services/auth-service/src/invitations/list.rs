use db::{TenantQuery, TenantTx};
use resource::{PageInfo, PageParams, Pager};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Authorized, Error, Json, Query, Read, Result};

use super::{Invitation, authorize};

/// A page of the account's invitations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invitations {
    data: Vec<Invitation>,
    page: PageInfo,
}

const LIST: TenantQuery = TenantQuery::new(
    "select i.id, i.email, i.role_id, r.name as role, i.expires_at, i.created_at, i.created_by,
            coalesce(i.granted_by, i.created_by) as granted_by,
            case when i.accepted_at is not null then 'accepted' when i.revoked_at is not null then 'revoked'
                 when i.expires_at < now() then 'expired' else 'open' end as status
     from app.invitations i join app.roles r on r.account_id = i.account_id and r.id = i.role_id
     where i.account_id = $1 and ($2::uuid is null or i.id < $2) and ($4::uuid is null or i.id = $4)
     order by i.id desc limit $3",
);

/// List the account's invitations.
///
/// An open invitation that cannot be accepted at present has an `unusable_reason`.
#[utoipa::path(get, path = "/api/v1/invitations", params(PageParams), tag = "invitations")]
pub(crate) async fn list_invitations(
    auth: Authorized<Read, Invitation>,
    Query(params): Query<PageParams>,
) -> Result<Json<Invitations>> {
    let mut tx = auth.begin_read_only().await?;
    let pager = Pager::new(&tx, &["invitations"], &params)?;
    let statement = tx.read::<Invitation>(LIST).bind(pager.after()).bind(pager.fetch());
    let mut data = statement.bind(None::<Uuid>).all().await?;
    let page = pager.page(&mut data, |invitation| invitation.id);
    authorize::mark_unusable(&mut tx, &mut data).await?;
    Ok(Json(Invitations { data, page }))
}

pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Invitation> {
    let statement = tx.read::<Invitation>(LIST).bind(None::<Uuid>).bind(1_i64).bind(id);
    statement.optional().await?.ok_or(Error::NotFound("invitation"))
}
