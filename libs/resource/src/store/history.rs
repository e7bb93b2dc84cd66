use db::{Result, TenantQuery, TenantTx};
use uuid::Uuid;

use crate::{History, HistoryEntry, PageParams, Pager, ResourceHandle};

const HISTORY: TenantQuery = TenantQuery::new(
    "select id, action, version, before, after, created_at, created_by, request_id from app.audit_log
     where account_id = $1 and record_id = $2 and resource = $3 and ($4::uuid is null or id < $4)
     order by id desc limit $5",
);

impl ResourceHandle {
    /// Returns a record's history, newest first; also of a record in the trash.
    pub async fn history(&self, tx: &mut TenantTx, id: Uuid, asked: &PageParams) -> Result<History> {
        let schema = self.schema();
        let pager = Pager::new(tx, &[schema.table(), "history", &id.to_string()], asked)?;
        let statement = tx.read(HISTORY).bind(id).bind(schema.name()).bind(pager.after()).bind(pager.fetch());
        let mut data: Vec<HistoryEntry> = statement.all().await?;
        if data.is_empty() && pager.after().is_none() {
            return Err(self.not_found()); // every record has a `created` entry
        }
        if !tx.scope().is_whole(&schema.access)
            && !tx.is_in_scope(&schema.access, id).await?
            && !self.is_gone_from_all(tx, id).await?
        {
            return Err(self.not_found());
        }
        let page = pager.page(&mut data, |entry| entry.id);
        Ok(History { data, page })
    }

    /// Whether the record is purged and the caller's scope ignores owners. The subject of a purged record is unknown,
    /// so nothing of it is disclosed.
    async fn is_gone_from_all(&self, tx: &mut TenantTx, id: Uuid) -> Result<bool> {
        let schema = self.schema();
        if !tx.scope().is_everyones(&schema.access) {
            return Ok(false);
        }
        let text = format!("select true from app.{} where account_id = $1 and id = $2", schema.table());
        Ok(tx.generated::<(bool,)>(text).bind(id).optional().await?.is_none())
    }
}
