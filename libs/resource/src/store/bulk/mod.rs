//! Bulk variants of the CRUD statements: a few round trips for many records.

mod each;
mod statements;

use std::collections::HashMap;

use kernel::Id;
use uuid::Uuid;

pub use each::write_each;
use statements::{insert_rows, lock_in_trash, remove_rows, restore_rows, rows_at_once, update_rows};

use db::{Error, Result, TenantTx};

use crate::{
    Record, Resource,
    model::{KEPT, names},
    store::{
        change,
        refer::{check_references, may_miss, recheck_references},
    },
};

/// A write operation that can be batched with others of its type.
pub trait BulkWrite<R: Resource>: Sized + Send + Sync {
    /// Writes all `items`, each with its audit entry, and returns the records in the same order. A failure
    /// concerns the whole batch; it neither rolls back by itself nor names the item at fault.
    fn write_all(tx: &mut TenantTx, items: &[Self]) -> impl Future<Output = Result<Vec<Record<R>>>> + Send;

    /// Locks what the batch needs before it is written.
    fn lock_for_write(_tx: &mut TenantTx, _items: &[Self]) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Insertion of a new record, for bulk writes.
#[derive(Debug, Clone)]
pub struct Insert<R>(Id<R>, R);

impl<R: Resource> Insert<R> {
    /// Validates `new` against the rules of `R`. Without full scope, the transaction's user becomes the default
    /// owner.
    pub fn new(tx: &TenantTx, mut new: R) -> Result<Self> {
        if !tx.scope().is_everyones(&R::ACCESS) {
            new.set_default_owner(tx.user());
        }
        R::check(None, &new)?;
        Ok(Self(Id::new(), new))
    }
}

/// Update of a record to new values, for bulk writes.
#[derive(Debug, Clone)]
pub struct Update<R>(Record<R>, R);

impl<R: Resource> Update<R> {
    /// Validates that the rules of `R` allow to replace `before` with `after`.
    pub fn new(before: Record<R>, after: R) -> Result<Self> {
        R::check(Some(&before.data), &after)?;
        Ok(Self(before, after))
    }
}

/// Move of a record to the trash, for bulk writes.
#[derive(Debug, Clone)]
pub struct SoftDelete<R>(pub Record<R>);

/// Restore of a record from the trash, for bulk writes.
#[derive(Debug)]
pub struct Restore<R>(pub Id<R>);

/// Finds and locks the live, reachable records among `ids` until the transaction ends. Locks are taken in the
/// order of ids, so that concurrent requests cannot deadlock.
pub async fn lock_all<R: Resource>(tx: &mut TenantTx, ids: &[Id<R>]) -> Result<HashMap<Id<R>, Record<R>>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = any($2) and deleted_at is null{}
         order by id for no key update",
        names::<R>(),
        R::TABLE,
        tx.scope().condition(&R::ACCESS)
    );
    // Not prepared: a cached generic plan does not know the ids and might scan all records of the account.
    let found: Vec<Record<R>> = tx.generated(text).bind(ids).all_once().await?;
    Ok(found.into_iter().map(|record| (record.id, record)).collect())
}

impl<R: Resource> BulkWrite<R> for Insert<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<&R> = items.iter().map(|item| &item.1).collect();
        check_references(tx, all.iter().map(|new| (None, *new))).await?;
        R::validate_references(tx, &all).await?;
        Self::lock_for_write(tx, items).await?;
        let mut made = Vec::with_capacity(items.len());
        for part in items.chunks(rows_at_once::<R>()) {
            made.extend(insert_rows(tx, part.iter().map(|Insert(id, new)| (*id, new))).await?);
        }
        let made = in_order(items.iter().map(|item| item.0), made, Error::NotFound(R::NAME))?;
        tx.ensure_all_in_scope(&R::ACCESS, &ids(&made)).await?;
        note(tx, "created", made.iter().map(|record| (None, record)));
        Ok(made)
    }

    async fn lock_for_write(tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        R::lock_for_write(tx, &items.iter().map(|item| &item.1).collect::<Vec<_>>()).await
    }
}

impl<R: Resource> BulkWrite<R> for Update<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<&R> = items.iter().map(|item| &item.1).collect();
        check_references(tx, items.iter().map(|Update(before, after)| (Some(&before.data), after))).await?;
        R::validate_references(tx, &all).await?;
        Self::lock_for_write(tx, items).await?;
        let mut changed = Vec::with_capacity(items.len());
        for part in items.chunks(rows_at_once::<R>()) {
            changed.extend(update_rows(tx, part.iter().map(|Update(before, after)| (before, after))).await?);
        }
        let changed = in_order(items.iter().map(|item| item.0.id), changed, Error::Stale(R::NAME))?;
        tx.ensure_all_in_scope(&R::ACCESS, &ids(&changed)).await?;
        note(tx, "changed", items.iter().map(|item| Some(&item.0)).zip(&changed));
        Ok(changed)
    }

    async fn lock_for_write(tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        R::lock_for_write(tx, &items.iter().map(|item| &item.1).collect::<Vec<_>>()).await
    }
}

impl<R: Resource> BulkWrite<R> for SoftDelete<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<_> = items.iter().map(|item| item.0.id.into()).collect();
        let removed = remove_rows(tx, all).await?;
        let removed = in_order(items.iter().map(|item| item.0.id), removed, Error::Stale(R::NAME))?;
        if items.iter().zip(&removed).any(|(item, gone)| item.0.meta.version + 1 != gone.meta.version) {
            return Err(Error::Stale(R::NAME));
        }
        note(tx, "removed", items.iter().map(|item| Some(&item.0)).zip(&removed));
        Ok(removed)
    }
}

impl<R: Resource> BulkWrite<R> for Restore<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<_> = items.iter().map(|item| item.0.into()).collect();
        if may_miss::<R>(tx) {
            let gone: Vec<Record<R>> = lock_in_trash(tx, &all).await?;
            recheck_references(tx, gone.iter().map(|record| &record.data)).await?;
        }
        let restored = restore_rows(tx, all).await?;
        let restored = in_order(items.iter().map(|item| item.0), restored, Error::NotFound(R::NAME))?;
        note(tx, "restored", restored.iter().map(|record| (None, record)));
        Ok(restored)
    }
}

/// Returns the written records in the order of `ids`; fails with `missing` if one was not written.
fn in_order<R: Resource>(
    ids: impl Iterator<Item = Id<R>>,
    written: Vec<Record<R>>,
    missing: Error,
) -> Result<Vec<Record<R>>> {
    let mut written: HashMap<_, _> = written.into_iter().map(|record| (record.id, record)).collect();
    ids.map(|id| written.remove(&id)).collect::<Option<_>>().ok_or(missing)
}

fn ids<R>(records: &[Record<R>]) -> Vec<Uuid> {
    records.iter().map(|record| record.id.into()).collect()
}

fn note<'r, R: Resource>(
    tx: &mut TenantTx,
    action: &'static str,
    steps: impl Iterator<Item = (Option<&'r Record<R>>, &'r Record<R>)>,
) {
    for (before, after) in steps {
        tx.audit(change(action, before, after));
    }
}
