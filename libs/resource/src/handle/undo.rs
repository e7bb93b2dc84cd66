//! Reverts what rows did to records, unless they were changed since.

use db::TenantTx;
use kernel::Id;
use serde_json::Value;
use uuid::Uuid;

use crate::{Resource, SoftDelete, Update};

/// A change of one record by a row, to be reverted.
#[derive(Debug)]
pub struct UndoItem {
    /// Record that the row wrote.
    pub record: Uuid,
    /// Version of the record after the row.
    pub version: i64,
    /// The record before, if the row updated it.
    pub before: Option<Value>,
}

/// Result of reverting: done, or the reason why the record was kept.
pub type Undone = Result<(), KeptReason>;

/// Why a record was not reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptReason {
    /// The record was changed since.
    Changed,
    /// The record was deleted, or is out of scope.
    Gone,
    /// A business rule forbids the change.
    Refused,
}

impl KeptReason {
    /// Code of the error that is reported for the row.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Changed => "changed-since",
            Self::Gone => "gone",
            Self::Refused => "refused",
        }
    }

    /// Message of the error that is reported for the row.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Changed => "the record has been changed since",
            Self::Gone => "the record is not there any more, or is out of reach",
            Self::Refused => "a rule stands against it",
        }
    }
}

/// Moves created records to the trash.
pub(super) async fn remove<R: Resource>(tx: &mut TenantTx, work: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |before, _| Ok(SoftDelete(before))).await
}

/// Restores the fields of updated records.
pub(super) async fn put_back<R: Resource>(tx: &mut TenantTx, work: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
    undo::<R, _>(tx, work, |now, before| {
        let before = serde_json::from_value(before.unwrap_or_default()).map_err(|_| KeptReason::Refused)?;
        Update::new(now, before).map_err(|_| KeptReason::Refused)
    })
    .await
}

async fn undo<R: Resource, W: crate::BulkWrite<R>>(
    tx: &mut TenantTx,
    work: Vec<UndoItem>,
    form: impl Fn(crate::Record<R>, Option<Value>) -> Result<W, KeptReason> + Send,
) -> db::Result<Vec<Undone>> {
    let ids: Vec<Id<R>> = work.iter().map(|one| one.record.into()).collect();
    let mut found = crate::lock_all(tx, &ids).await?;
    let (mut ready, mut places) = (Vec::new(), Vec::with_capacity(work.len()));
    for one in work {
        let formed = match found.remove(&one.record.into()) {
            None => Err(KeptReason::Gone),
            Some(record) if record.meta.version != one.version => Err(KeptReason::Changed),
            Some(record) => form(record, one.before),
        };
        places.push(formed.map(|written| ready.push(written)));
    }
    let mut written = crate::write_each(tx, &ready).await?.into_iter();
    let told = places.into_iter().map(|place| match place {
        Err(reason) => Err(reason),
        Ok(()) => written
            .next()
            .map_or(Err(KeptReason::Refused), |one| one.map(drop).map_err(|_| KeptReason::Refused)),
    });
    Ok(told.collect())
}
