use db::{TenantQuery, TenantTx};
use kernel::SessionId;
use resource::{PageInfo, PageParams, Pager};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Authorized, Error, Json, Query, Read, Result};

use super::ApiKey;

/// A page of the account's API keys, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeys {
    data: Vec<ApiKey>,
    page: PageInfo,
}

const LIST: TenantQuery = TenantQuery::new(
    "select k.id, s.user_id as member_id, k.name, k.permissions, s.expires_at, s.revoked_at, k.last_used_at, k.last_used_ip,
            k.created_at, k.created_by,
            case when s.revoked_at is not null then 'revoked' when s.expires_at <= now() then 'expired' else 'active' end as status
     from app.api_keys k join app.sessions s on s.account_id = k.account_id and s.id = k.id
     where k.account_id = $1 and ($2::uuid is null or k.id < $2) and ($4::uuid is null or k.id = $4)
     order by k.id desc limit $3",
);

/// List the account's API keys.
///
/// Includes revoked and expired keys; never their secrets.
#[utoipa::path(get, path = "/api/v1/api-keys", params(PageParams), tag = "api-keys")]
pub(crate) async fn list_api_keys(
    auth: Authorized<Read, ApiKey>,
    Query(params): Query<PageParams>,
) -> Result<Json<ApiKeys>> {
    let mut tx = auth.begin_read_only().await?;
    let pager = Pager::new(&tx, &["api_keys"], &params)?;
    let statement = tx.read::<ApiKey>(LIST).bind(pager.after()).bind(pager.fetch());
    let mut data = statement.bind(None::<Uuid>).all().await?;
    let page = pager.page(&mut data, |key| key.id.into());
    Ok(Json(ApiKeys { data, page }))
}

pub(super) async fn find(tx: &mut TenantTx, id: SessionId) -> Result<ApiKey> {
    let statement = tx.read::<ApiKey>(LIST).bind(None::<Uuid>).bind(1_i64).bind(id);
    statement.optional().await?.ok_or(Error::NotFound("API key"))
}
