//! Visibility: decides what an answer shows of a record, for every operation that returns one.

use std::collections::HashSet;

use db::{Error, Result, TenantTx};
use kernel::Id;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{Projection, Record, Resource};

/// A record as the caller may see it. Only this crate can create one, so an answer cannot show more.
///
/// A caller without permission to read the record sees its `id` and `version`. Hidden fields are removed.
#[derive(Debug)]
pub struct Visible<R> {
    id: Id<R>,
    version: i64,
    shown: Projected<R>,
}

#[derive(Debug)]
enum Projected<R> {
    Whole(Record<R>),
    Part(Json),
}

impl<R> Visible<R> {
    /// Identifier of the record.
    #[must_use]
    pub fn id(&self) -> Id<R> {
        self.id
    }

    /// Version of the record, its `ETag`.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }
}

impl<R: Resource> Visible<R> {
    fn whole(record: Record<R>) -> Self {
        Self { id: record.id, version: record.meta.version, shown: Projected::Whole(record) }
    }

    fn part(record: &Record<R>, part: Json) -> Self {
        Self { id: record.id, version: record.meta.version, shown: Projected::Part(part) }
    }

    /// Converts to JSON, for the body of a problem.
    pub fn into_json(self) -> Result<Json> {
        match self.shown {
            Projected::Whole(record) => serde_json::to_value(record).map_err(|error| encode(&error)),
            Projected::Part(part) => Ok(part),
        }
    }
}

impl<R: Resource> Serialize for Visible<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.shown {
            Projected::Whole(record) => record.serialize(serializer),
            Projected::Part(part) => part.serialize(serializer),
        }
    }
}

/// Reduces the record to what the caller of this transaction may see.
pub async fn visible<R: Resource>(tx: &mut TenantTx, record: Record<R>) -> Result<Visible<R>> {
    let readable = tx.readable_among(&R::ACCESS, vec![record.id.into()]).await?;
    show(tx, readable.as_ref(), record)
}

/// Reduces the records, in their order, to what the caller may see. Needs at most one statement.
pub async fn visible_each<R: Resource>(
    tx: &mut TenantTx,
    records: Vec<Record<R>>,
) -> Result<Vec<Visible<R>>> {
    let ids = records.iter().map(|record| record.id.into()).collect();
    let readable = tx.readable_among(&R::ACCESS, ids).await?;
    records.into_iter().map(|record| show(tx, readable.as_ref(), record)).collect()
}

/// Applies the projection `dress` to a record that was found by reading.
pub async fn projected<R: Resource>(
    tx: &mut TenantTx,
    record: Record<R>,
    projection: &Projection,
) -> Result<Visible<R>> {
    if projection.is_identity() {
        return Ok(Visible::whole(record));
    }
    let records = [record];
    let part = projection.apply(tx, &records).await?.pop().unwrap_or_default();
    let [record] = records;
    Ok(Visible::part(&record, part))
}

/// Shows a record in full if it is among `readable`, or if there is no such limit.
fn show<R: Resource>(
    tx: &mut TenantTx,
    readable: Option<&HashSet<Uuid>>,
    record: Record<R>,
) -> Result<Visible<R>> {
    if readable.is_some_and(|readable| !readable.contains(&record.id.into())) {
        let part = json!({ "id": record.id, "version": record.meta.version });
        return Ok(Visible::part(&record, part));
    }
    tx.note_answered(record.id.into());
    let hidden = tx.scope().hidden_of(R::NAME);
    if hidden.is_empty() {
        return Ok(Visible::whole(record));
    }
    let mut part = serde_json::to_value(&record).map_err(|error| encode(&error))?;
    hidden.mask(&mut part);
    Ok(Visible::part(&record, part))
}

fn encode(error: &serde_json::Error) -> Error {
    Error::Sql(db::SqlError::Encode(error.to_string()))
}
