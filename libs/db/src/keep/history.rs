use kernel::Id;
use uuid::Uuid;

use crate::{
    Asked, Entry, Error, History, PageInfo, Resource, Result, Scoped, TenantTx,
    list::{cursor::Seal, limit},
};

const HISTORY: Scoped = Scoped::new(
    "select id, action, version, before, after, created_at, created_by, request_id from app.audit_log
     where account_id = $1 and record_id = $2 and resource = $3 and ($4::uuid is null or id < $4)
     order by id desc limit $5",
);

/// What happened to a record, newest first; also to one in the trash. Takes `limit` and `cursor` of `asked`.
pub async fn history<R: Resource>(tx: &mut TenantTx, id: Id<R>, asked: &Asked) -> Result<History> {
    let limit = limit(asked)?;
    let seal = Seal::new(tx, &[R::PLURAL, "history", &id.to_string()]);
    let after: Option<Uuid> = asked.cursor.as_deref().map(|cursor| seal.open(cursor)).transpose()?;
    let newest = after.is_none();
    let mut data: Vec<Entry> =
        tx.read(HISTORY).bind(id).bind(R::NAME).bind(after).bind(limit + 1).all().await?;
    if data.is_empty() && newest {
        return Err(Error::NotFound(R::NAME)); // whatever exists was created
    }
    let has_more = data.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = data.last().filter(|_| has_more).map(|last| seal.close(&last.id));
    Ok(History { data, page: PageInfo { next_cursor, has_more, total: None } })
}
