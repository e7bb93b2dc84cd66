//! Bulk variants of the CRUD statements: a few round trips for many records.

mod each;
mod statements;

use std::collections::HashMap;

use db::{Error, Result, TenantTx};
use kernel::Id;
use uuid::Uuid;

use crate::{ResourceHandle, StoredRecord, Values};

/// A write operation that can be batched with others of its type.
pub trait BulkWrite: Sized + Send + Sync {
    /// Writes all `items`, each with its audit entry, and returns the records in the same order. A failure
    /// concerns the whole batch; it neither rolls back by itself nor names the item at fault.
    fn write_all(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: &[Self],
    ) -> impl Future<Output = Result<Vec<StoredRecord>>> + Send;

    /// Locks what the batch needs before it is written.
    fn lock_for_write(
        _resource: &ResourceHandle,
        _tx: &mut TenantTx,
        _items: &[Self],
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Insertion of a new record, for bulk writes.
#[derive(Debug)]
pub struct Insert(Uuid, Values);

impl Insert {
    /// Validates `new` against the rules of the resource. Without full scope, the transaction's user becomes the
    /// default owner.
    pub fn new(resource: &ResourceHandle, tx: &TenantTx, new: Values) -> Result<Self> {
        let new = resource.with_default_owner(tx, new)?;
        resource.rules.check(None, &new)?;
        Ok(Self(Id::<()>::new().into(), new))
    }
}

/// Update of a record to new values, for bulk writes.
#[derive(Debug)]
pub struct Update(StoredRecord, Values);

impl Update {
    /// Validates that the rules of the resource allow to replace `before` with `after`.
    pub fn new(resource: &ResourceHandle, before: StoredRecord, after: Values) -> Result<Self> {
        resource.rules.check(Some(&before), &after)?;
        Ok(Self(before, after))
    }
}

/// Move of a record to the trash, for bulk writes.
#[derive(Debug, Clone)]
pub struct SoftDelete(pub StoredRecord);

/// Restore of a record from the trash, for bulk writes.
#[derive(Debug)]
pub struct Restore(pub Uuid);

impl ResourceHandle {
    /// Finds and locks the live, reachable records among `ids` until the transaction ends. Locks are taken in the
    /// order of ids, so that concurrent requests cannot deadlock.
    pub async fn lock_all(&self, tx: &mut TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, StoredRecord>> {
        let schema = self.schema();
        let text = format!(
            "select {} from app.{} where account_id = $1 and id = any($2) and deleted_at is null{}
             order by id for no key update",
            schema.columns,
            schema.table(),
            tx.scope().condition(&schema.access)
        );
        // Not prepared: a cached generic plan does not know the ids and might scan all records of the account.
        let found: Vec<StoredRecord> = tx.generated(text).bind(ids).all_once().await?;
        Ok(found.into_iter().map(|record| (record.id, record)).collect())
    }

    /// Audits the changes of a batch.
    fn note<'r>(
        &self,
        tx: &mut TenantTx,
        action: &'static str,
        steps: impl Iterator<Item = (Option<&'r StoredRecord>, &'r StoredRecord)>,
    ) -> Result<()> {
        for (before, after) in steps {
            tx.audit(self.change(action, before, after)?);
        }
        Ok(())
    }
}

impl BulkWrite for Insert {
    async fn write_all(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: &[Self],
    ) -> Result<Vec<StoredRecord>> {
        let all: Vec<&Values> = items.iter().map(|item| &item.1).collect();
        resource.check_references(tx, all.iter().map(|new| (None, *new))).await?;
        resource.rules.validate_references(tx, &all).await?;
        Self::lock_for_write(resource, tx, items).await?;
        let mut made = Vec::with_capacity(items.len());
        for part in items.chunks(resource.rows_at_once()) {
            made.extend(resource.insert_rows(tx, part.iter().map(|Self(id, new)| (*id, new))).await?);
        }
        let made = in_order(items.iter().map(|item| item.0), made, || resource.not_found())?;
        tx.ensure_all_in_scope(&resource.schema().access, &ids(&made)).await?;
        resource.note(tx, "created", made.iter().map(|record| (None, record)))?;
        Ok(made)
    }

    async fn lock_for_write(resource: &ResourceHandle, tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        let all: Vec<&Values> = items.iter().map(|item| &item.1).collect();
        resource.rules.lock_for_write(tx, &all).await
    }
}

impl BulkWrite for Update {
    async fn write_all(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: &[Self],
    ) -> Result<Vec<StoredRecord>> {
        let all: Vec<&Values> = items.iter().map(|item| &item.1).collect();
        resource.check_references(tx, items.iter().map(|Self(before, after)| (Some(before), after))).await?;
        resource.rules.validate_references(tx, &all).await?;
        Self::lock_for_write(resource, tx, items).await?;
        let mut changed = Vec::with_capacity(items.len());
        for part in items.chunks(resource.rows_at_once()) {
            changed.extend(
                resource.update_rows(tx, part.iter().map(|Self(before, after)| (before, after))).await?,
            );
        }
        let changed = in_order(items.iter().map(|item| item.0.id), changed, || resource.stale())?;
        tx.ensure_all_in_scope(&resource.schema().access, &ids(&changed)).await?;
        resource.note(tx, "changed", items.iter().map(|item| Some(&item.0)).zip(&changed))?;
        Ok(changed)
    }

    async fn lock_for_write(resource: &ResourceHandle, tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        let all: Vec<&Values> = items.iter().map(|item| &item.1).collect();
        resource.rules.lock_for_write(tx, &all).await
    }
}

impl BulkWrite for SoftDelete {
    async fn write_all(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: &[Self],
    ) -> Result<Vec<StoredRecord>> {
        let all: Vec<_> = items.iter().map(|item| item.0.id).collect();
        let removed = resource.remove_rows(tx, all).await?;
        let removed = in_order(items.iter().map(|item| item.0.id), removed, || resource.stale())?;
        if items.iter().zip(&removed).any(|(item, gone)| item.0.version + 1 != gone.version) {
            return Err(resource.stale());
        }
        resource.note(tx, "removed", items.iter().map(|item| Some(&item.0)).zip(&removed))?;
        Ok(removed)
    }
}

impl BulkWrite for Restore {
    async fn write_all(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: &[Self],
    ) -> Result<Vec<StoredRecord>> {
        let all: Vec<_> = items.iter().map(|item| item.0).collect();
        if resource.may_miss(tx) {
            let gone = resource.lock_in_trash(tx, &all).await?;
            resource.recheck_references(tx, gone.iter()).await?;
        }
        let restored = resource.restore_rows(tx, all).await?;
        let restored = in_order(items.iter().map(|item| item.0), restored, || resource.not_found())?;
        resource.note(tx, "restored", restored.iter().map(|record| (None, record)))?;
        Ok(restored)
    }
}

/// Returns the written records in the order of `ids`; fails with `missing` if one was not written.
fn in_order(
    ids: impl Iterator<Item = Uuid>,
    written: Vec<StoredRecord>,
    missing: impl FnOnce() -> Error,
) -> Result<Vec<StoredRecord>> {
    let mut written: HashMap<_, _> = written.into_iter().map(|record| (record.id, record)).collect();
    ids.map(|id| written.remove(&id)).collect::<Option<_>>().ok_or_else(missing)
}

fn ids(records: &[StoredRecord]) -> Vec<Uuid> {
    records.iter().map(|record| record.id).collect()
}
