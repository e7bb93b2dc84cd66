//! Writes rows of JSON values to records of any resource: each creates a record, or updates one.

use std::collections::HashMap;

use db::TenantTx;
use kernel::Id;
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{Error, MergePatch, Violation};

use crate::{Insert, Resource, Update};

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

enum CellForm<R> {
    New(Insert<R>),
    Changed(Update<R>, Value),
    Same(WrittenRow),
}

/// Writes all rows that can be written. A record must occur in one row only, since a second row would not see the first
/// one's change.
pub(super) async fn write<R: Resource>(
    tx: &mut TenantTx,
    ready: Vec<ReadyRow>,
) -> db::Result<Vec<RowOutcome>> {
    let ids: Vec<Id<R>> = ready.iter().filter_map(|one| one.record.map(Into::into)).collect();
    let mut found = if ids.is_empty() { HashMap::new() } else { crate::lock_all(tx, &ids).await? };
    let (mut new, mut changed, mut befores) = (Vec::new(), Vec::new(), Vec::new());
    let mut places = Vec::with_capacity(ready.len());
    for one in ready {
        places.push(match form(tx, one, &mut found) {
            Ok(CellForm::New(record)) => {
                new.push(record);
                SourceCell::New
            }
            Ok(CellForm::Changed(record, before)) => {
                changed.push(record);
                befores.push(before);
                SourceCell::Changed
            }
            Ok(CellForm::Same(done)) => SourceCell::Told(Ok(done)),
            Err(error) => SourceCell::Told(Err(own(error)?)),
        });
    }
    let mut new = crate::write_each(tx, &new).await?.into_iter();
    let mut changed = crate::write_each(tx, &changed).await?.into_iter().zip(befores);
    let told = places.into_iter().filter_map(|place| match place {
        SourceCell::Told(outcome) => Some(Ok(outcome)),
        SourceCell::New => Some(outcome(new.next()?, RowAction::Created, None)),
        SourceCell::Changed => {
            let (written, before) = changed.next()?;
            Some(outcome(written, RowAction::Updated, Some(before)))
        }
    });
    told.collect()
}

enum SourceCell {
    Told(RowOutcome),
    New,
    Changed,
}

/// Builds the insert or update of a row.
fn form<R: Resource>(
    tx: &TenantTx,
    mut ready: ReadyRow,
    found: &mut HashMap<Id<R>, crate::Record<R>>,
) -> Result<CellForm<R>, Error> {
    let Some(id) = ready.record else {
        ready.patch.retain(|_, value| !value.is_null());
        let new: R = web::parse_json(Value::Object(ready.patch))?;
        return Ok(CellForm::New(Insert::new(tx, new)?));
    };
    let before = found.remove(&id.into()).ok_or(Error::NotFound(R::NAME))?;
    let patch = MergePatch::parse(Value::Object(ready.patch)).ok_or(Error::NotFound(R::NAME))?;
    let after: R = patch.apply_to(&before.data)?;
    let (was, is) = (json(&before.data)?, json(&after)?);
    if was == is {
        let version = before.meta.version;
        return Ok(CellForm::Same(WrittenRow {
            record: id,
            action: RowAction::Unchanged,
            version,
            before: None,
        }));
    }
    Ok(CellForm::Changed(Update::new(before, after)?, was))
}

fn json<R: Resource>(record: &R) -> Result<Value, Error> {
    serde_json::to_value(record).map_err(|error| Error::Internal(error.into()))
}

fn outcome<R: Resource>(
    written: db::Result<crate::Record<R>>,
    action: RowAction,
    before: Option<Value>,
) -> db::Result<RowOutcome> {
    match written {
        Ok(record) => {
            let (record, version) = (record.id.into(), record.meta.version);
            Ok(Ok(WrittenRow { record, action, version, before }))
        }
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
