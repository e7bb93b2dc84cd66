//! Takes back what an import did to records, where nobody has changed them since.

use db::{Changed, Removed, Resource, TenantTx};
use kernel::Id;
use serde_json::Value;
use uuid::Uuid;

/// What an import did to one record.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) record: Uuid,
    /// The version that it left.
    pub(super) version: i64,
    pub(super) before: Option<Value>,
}

/// What became of that: undone, or kept, for this reason.
pub(super) type Undone = Result<(), &'static str>;

/// Somebody has changed the record.
pub(super) const CHANGED: &str = "changed-since";
/// Somebody has removed it, or it is out of reach.
pub(super) const GONE: &str = "gone";
/// A rule stands against it.
pub(super) const REFUSED: &str = "refused";

/// Moves records to the trash.
pub(super) async fn remove<R: Resource>(tx: &mut TenantTx, work: Vec<Work>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |before, _| Ok(Removed(before))).await
}

/// Puts the fields of records back.
pub(super) async fn put_back<R: Resource>(tx: &mut TenantTx, work: Vec<Work>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |now, before| {
        let before = serde_json::from_value(before.unwrap_or_default()).map_err(|_| REFUSED)?;
        Changed::of(now, before).map_err(|_| REFUSED)
    })
    .await
}

async fn undo<R: Resource, W: db::Written<R>>(
    tx: &mut TenantTx,
    work: Vec<Work>,
    form: impl Fn(db::Record<R>, Option<Value>) -> Result<W, &'static str> + Send,
) -> db::Result<Vec<Undone>> {
    let ids: Vec<Id<R>> = work.iter().map(|one| one.record.into()).collect();
    let mut found = db::lock_all(tx, &ids).await?;
    let (mut ready, mut places) = (Vec::new(), Vec::with_capacity(work.len()));
    for one in work {
        let formed = match found.remove(&one.record.into()) {
            None => Err(GONE),
            Some(record) if record.kept.version != one.version => Err(CHANGED),
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
