//! Reverts what rows did to records, unless they were changed since.

use db::TenantTx;
use serde_json::Value;
use uuid::Uuid;

use crate::{BulkWrite, ResourceHandle, SoftDelete, StoredRecord, Update};

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

impl ResourceHandle {
    /// Moves records to the trash that rows created, unless they were changed since.
    pub async fn remove(&self, tx: &mut TenantTx, items: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
        self.revert(tx, items, |before, _| Ok(SoftDelete(before))).await
    }

    /// Restores the fields of records that rows updated, unless they were changed since.
    pub async fn put_back(&self, tx: &mut TenantTx, items: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
        self.revert(tx, items, |now, before| {
            let before = self.read_stored(before.unwrap_or_default()).map_err(|_| KeptReason::Refused)?;
            Update::new(self, now, before).map_err(|_| KeptReason::Refused)
        })
        .await
    }

    async fn revert<W: BulkWrite>(
        &self,
        tx: &mut TenantTx,
        items: Vec<UndoItem>,
        form: impl Fn(StoredRecord, Option<Value>) -> Result<W, KeptReason> + Send,
    ) -> db::Result<Vec<Undone>> {
        let ids: Vec<Uuid> = items.iter().map(|one| one.record).collect();
        let mut found = self.lock_all(tx, &ids).await?;
        let (mut ready, mut places) = (Vec::new(), Vec::with_capacity(items.len()));
        for one in items {
            let formed = match found.remove(&one.record) {
                None => Err(KeptReason::Gone),
                Some(record) if record.version != one.version => Err(KeptReason::Changed),
                Some(record) => form(record, one.before),
            };
            places.push(formed.map(|written| ready.push(written)));
        }
        let mut written = self.write_each(tx, &ready).await?.into_iter();
        let undone = places.into_iter().map(|place| match place {
            Err(reason) => Err(reason),
            Ok(()) => written
                .next()
                .map_or(Err(KeptReason::Refused), |one| one.map(drop).map_err(|_| KeptReason::Refused)),
        });
        Ok(undone.collect())
    }
}
