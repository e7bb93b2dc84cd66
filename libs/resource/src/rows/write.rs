//! Writes rows of JSON values to records of any resource: each creates a record, or updates one.

use std::collections::HashMap;

use db::TenantTx;
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{Error, MergePatch, Violation};

use crate::{Insert, ResourceHandle, StoredRecord, Update};

/// A row of values to write: a new record, or a merge patch of an existing one.
#[derive(Debug)]
pub struct ReadyRow {
    /// Record to update; `None` for a new one.
    pub record: Option<Uuid>,
    /// Values of the fields.
    pub patch: Map<String, Value>,
}

/// Outcome of writing a row.
pub type RowOutcome = Result<WrittenRow, Vec<Violation>>;

/// The change made by a row.
#[derive(Debug)]
pub struct WrittenRow {
    /// Record that was written.
    pub record: Uuid,
    /// What the row did to it.
    pub action: RowAction,
    /// Version of the record after the change.
    pub version: i64,
    /// The record before the change, if the row updated it.
    pub before: Option<Value>,
}

/// What a row did to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowAction {
    /// It created the record.
    Created,
    /// It updated the record.
    Updated,
    /// The record had these values already.
    Unchanged,
}

enum RowForm {
    New(Insert),
    Changed(Update, Value),
    Same(WrittenRow),
}

enum SourceCell {
    New,
    Changed,
    Told(RowOutcome),
}

impl ResourceHandle {
    /// Writes all rows that can be written; one outcome per row. A record must occur in one row only, since a second row
    /// would not see the first one's change.
    pub async fn write(&self, tx: &mut TenantTx, rows: Vec<ReadyRow>) -> db::Result<Vec<RowOutcome>> {
        let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.record).collect();
        let mut found = if ids.is_empty() { HashMap::new() } else { self.lock_all(tx, &ids).await? };
        let (mut new, mut changed, mut befores) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            places.push(match self.form(tx, row, &mut found) {
                Ok(RowForm::New(record)) => {
                    new.push(record);
                    SourceCell::New
                }
                Ok(RowForm::Changed(record, before)) => {
                    changed.push(record);
                    befores.push(before);
                    SourceCell::Changed
                }
                Ok(RowForm::Same(done)) => SourceCell::Told(Ok(done)),
                Err(error) => SourceCell::Told(Err(own(error)?)),
            });
        }
        let mut new = self.write_each(tx, &new).await?.into_iter();
        let mut changed = self.write_each(tx, &changed).await?.into_iter().zip(befores);
        let outcomes = places.into_iter().filter_map(|place| match place {
            SourceCell::Told(outcome) => Some(Ok(outcome)),
            SourceCell::New => Some(outcome(new.next()?, RowAction::Created, None)),
            SourceCell::Changed => {
                let (written, before) = changed.next()?;
                Some(outcome(written, RowAction::Updated, Some(before)))
            }
        });
        outcomes.collect()
    }

    /// Builds the insert or update of a row.
    fn form(
        &self,
        tx: &TenantTx,
        mut row: ReadyRow,
        found: &mut HashMap<Uuid, StoredRecord>,
    ) -> Result<RowForm, Error> {
        let Some(id) = row.record else {
            row.patch.retain(|_, value| !value.is_null());
            let new = self.parse(Value::Object(row.patch))?;
            return Ok(RowForm::New(Insert::new(self, tx, new)?));
        };
        let missing = || Error::NotFound(self.schema().name());
        let before = found.remove(&id).ok_or_else(missing)?;
        let patch = MergePatch::parse(Value::Object(row.patch)).ok_or_else(missing)?;
        let was = Value::Object(before.fields()?);
        let after = self.parse(patch.merge_into(was.clone()))?;
        if was.as_object() == Some(after.json()?) {
            let action = RowAction::Unchanged;
            return Ok(RowForm::Same(WrittenRow {
                record: id,
                action,
                version: before.version,
                before: None,
            }));
        }
        Ok(RowForm::Changed(Update::new(self, before, after)?, was))
    }
}

fn outcome(
    written: db::Result<StoredRecord>,
    action: RowAction,
    before: Option<Value>,
) -> db::Result<RowOutcome> {
    match written {
        Ok(StoredRecord { id, version, .. }) => Ok(Ok(WrittenRow { record: id, action, version, before })),
        Err(error) => own(error.into()).map(Err),
    }
}

/// Converts an error caused by the row to violations; other errors fail the batch.
fn own(error: Error) -> db::Result<Vec<Violation>> {
    match error.into_violations() {
        Ok(violations) => Ok(violations),
        // The database rejected the values by a rule unknown to the resource; its message is not exposed.
        Err(Error::Internal(cause)) => {
            tracing::warn!(
                error = cause.as_ref() as &dyn std::error::Error,
                "a row was refused by the database"
            );
            Ok(vec![Violation::new("", "refused", "the database does not take these values")])
        }
        Err(Error::Unavailable(cause)) => Err(db::Error::Unavailable(cause)),
        Err(_) => Err(db::Error::TransactionAborted),
    }
}
