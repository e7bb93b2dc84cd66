use kernel::Id;

use crate::{Entry, Error, History, Pager, Paging, Resource, Result, Scoped, TenantTx, reach::is_reached};

const HISTORY: Scoped = Scoped::new(
    "select id, action, version, before, after, created_at, created_by, request_id from app.audit_log
     where account_id = $1 and record_id = $2 and resource = $3 and ($4::uuid is null or id < $4)
     order by id desc limit $5",
);

/// What happened to a record, newest first; also to one in the trash.
pub async fn history<R: Resource>(tx: &mut TenantTx, id: Id<R>, asked: &Paging) -> Result<History> {
    let pager = Pager::new(tx, &[R::PLURAL, "history", &id.to_string()], asked)?;
    let statement = tx.read(HISTORY).bind(id).bind(R::NAME).bind(pager.after()).bind(pager.fetch());
    let mut data: Vec<Entry> = statement.all().await?;
    if data.is_empty() && pager.after().is_none() {
        return Err(Error::NotFound(R::NAME)); // whatever exists was created
    }
    if !tx.reach.is_whole::<R>() && !is_reached(tx, id).await? && !is_gone_from_all(tx, id).await? {
        return Err(Error::NotFound(R::NAME));
    }
    let page = pager.page(&mut data, |entry| entry.id);
    Ok(History { data, page })
}

/// Whether it is purged, and was within a reach that knows no owners: what it was about is not known any more, nor told.
async fn is_gone_from_all<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<bool> {
    if !tx.reach.is_everyones::<R>() {
        return Ok(false);
    }
    let text = format!("select true from app.{} where account_id = $1 and id = $2", R::PLURAL);
    Ok(tx.built::<(bool,)>(text).bind(id).optional().await?.is_none())
}
