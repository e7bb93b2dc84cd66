//! Reverts what an import did to records, unless they were changed since.

use db::{Resource, SoftDelete, TenantTx, Update};
use kernel::Id;
use serde_json::Value;
use uuid::Uuid;

/// A change of one record by an import, to be reverted.
#[derive(Debug)]
pub(super) struct UndoItem {
    pub(super) record: Uuid,
    /// Version of the record after the import.
    pub(super) version: i64,
    pub(super) before: Option<Value>,
}

/// Result of reverting: done, or the reason why the record was kept.
pub(super) type Undone = Result<(), &'static str>;

/// The record was changed since the import.
pub(super) const CHANGED: &str = "changed-since";
/// The record was deleted, or is out of scope.
pub(super) const GONE: &str = "gone";
/// A business rule forbids the change.
pub(super) const REFUSED: &str = "refused";

/// Moves created records to the trash.
pub(super) async fn remove<R: Resource>(tx: &mut TenantTx, work: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |before, _| Ok(SoftDelete(before))).await
}

/// Restores the fields of updated records.
pub(super) async fn put_back<R: Resource>(tx: &mut TenantTx, work: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |now, before| {
        let before = serde_json::from_value(before.unwrap_or_default()).map_err(|_| REFUSED)?;
        Update::new(now, before).map_err(|_| REFUSED)
    })
    .await
}

async fn undo<R: Resource, W: db::BulkWrite<R>>(
    tx: &mut TenantTx,
    work: Vec<UndoItem>,
    form: impl Fn(db::Record<R>, Option<Value>) -> Result<W, &'static str> + Send,
) -> db::Result<Vec<Undone>> {
    let ids: Vec<Id<R>> = work.iter().map(|one| one.record.into()).collect();
    let mut found = db::lock_all(tx, &ids).await?;
    let (mut ready, mut places) = (Vec::new(), Vec::with_capacity(work.len()));
    for one in work {
        let formed = match found.remove(&one.record.into()) {
            None => Err(GONE),
            Some(record) if record.meta.version != one.version => Err(CHANGED),
            Some(record) => form(record, one.before),
        };
        places.push(formed.map(|written| ready.push(written)));
    }
    let mut written = db::write_each(tx, &ready).await?.into_iter();
    let told = places.into_iter().map(|place| match place {
        Err(reason) => Err(reason),
        Ok(()) => written.next().map_or(Err(REFUSED), |one| one.map(drop).map_err(|_| REFUSED)),
    });
    Ok(told.collect())
}
