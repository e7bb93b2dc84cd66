use db::{Error, Result, TenantQuery, TenantTx};
use kernel::Id;

use crate::{History, HistoryEntry, PageParams, Pager, Resource};

const HISTORY: TenantQuery = TenantQuery::new(
    "select id, action, version, before, after, created_at, created_by, request_id from app.audit_log
     where account_id = $1 and record_id = $2 and resource = $3 and ($4::uuid is null or id < $4)
     order by id desc limit $5",
);

/// Returns a record's history, newest first; also of a record in the trash.
pub async fn history<R: Resource>(tx: &mut TenantTx, id: Id<R>, asked: &PageParams) -> Result<History> {
    let pager = Pager::new(tx, &[R::TABLE, "history", &id.to_string()], asked)?;
    let statement = tx.read(HISTORY).bind(id).bind(R::NAME).bind(pager.after()).bind(pager.fetch());
    let mut data: Vec<HistoryEntry> = statement.all().await?;
    if data.is_empty() && pager.after().is_none() {
        return Err(Error::NotFound(R::NAME)); // every record has a `created` entry
    }
    if !tx.scope().is_whole(&R::ACCESS)
        && !tx.is_in_scope(&R::ACCESS, id.into()).await?
        && !is_gone_from_all(tx, id).await?
    {
        return Err(Error::NotFound(R::NAME));
    }
    let page = pager.page(&mut data, |entry| entry.id);
    Ok(History { data, page })
}

/// Whether the record is purged and the caller's scope ignores owners. The subject of a purged record is unknown,
/// so nothing of it is disclosed.
async fn is_gone_from_all<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<bool> {
    if !tx.scope().is_everyones(&R::ACCESS) {
        return Ok(false);
    }
    let text = format!("select true from app.{} where account_id = $1 and id = $2", R::TABLE);
    Ok(tx.generated::<(bool,)>(text).bind(id).optional().await?.is_none())
}
