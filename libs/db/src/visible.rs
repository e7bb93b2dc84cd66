//! Visibility: decides what an answer shows of a record, for every operation that returns one.

use std::collections::HashSet;

use kernel::Id;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{Error, Projection, Record, Resource, Result, TenantTx, access::ReadScope};

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
            Projected::Whole(record) => serde_json::to_value(record).map_err(encode),
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
    let readable = Readable::among::<R>(tx, std::slice::from_ref(&record)).await?;
    show(tx, &readable, record)
}

/// Reduces the records, in their order, to what the caller may see. Needs at most one statement.
pub async fn visible_each<R: Resource>(
    tx: &mut TenantTx,
    records: Vec<Record<R>>,
) -> Result<Vec<Visible<R>>> {
    let readable = Readable::among(tx, &records).await?;
    records.into_iter().map(|record| show(tx, &readable, record)).collect()
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

fn show<R: Resource>(tx: &mut TenantTx, readable: &Readable, record: Record<R>) -> Result<Visible<R>> {
    if !readable.has(record.id.into()) {
        let part = json!({ "id": record.id, "version": record.meta.version });
        return Ok(Visible::part(&record, part));
    }
    tx.answered.push(record.id.into());
    let hidden = tx.reach.hidden_of(R::NAME);
    if hidden.is_empty() {
        return Ok(Visible::whole(record));
    }
    let mut part = serde_json::to_value(&record).map_err(encode)?;
    hidden.mask(&mut part);
    Ok(Visible::part(&record, part))
}

/// Subset of some records that the caller may read.
enum Readable {
    All,
    Only(HashSet<Uuid>),
}

impl Readable {
    async fn among<R: Resource>(tx: &mut TenantTx, records: &[Record<R>]) -> Result<Self> {
        Ok(match tx.reach.reading_of::<R>() {
            ReadScope::Every => Self::All,
            ReadScope::None => Self::Only(HashSet::new()),
            ReadScope::Where(condition) => {
                let ids = records.iter().map(|record| record.id.into()).collect();
                Self::Only(readable::<R>(tx, ids, &condition).await?)
            }
        })
    }

    fn has(&self, id: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&id),
        }
    }
}

async fn readable<R: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>, condition: &str) -> Result<HashSet<Uuid>> {
    let text =
        format!("select id from app.{} record where account_id = $1 and id = any ($2){condition}", R::TABLE);
    let found = tx.built::<(Uuid,)>(text).bind(ids).all().await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Whether the caller may still read all of these records of `R`, in the trash or not.
pub(crate) async fn all_readable<R: Resource>(tx: &mut TenantTx, ids: &[Uuid]) -> Result<bool> {
    Ok(match tx.reach.reading_of::<R>() {
        ReadScope::Every => true,
        ReadScope::None => ids.is_empty(),
        ReadScope::Where(condition) => {
            let found = readable::<R>(tx, ids.to_vec(), &condition).await?;
            ids.iter().all(|id| found.contains(id))
        }
    })
}

/// Reduces the JSON body of a stored response whose reader may no longer see its records. Ids and versions remain,
/// and the status of each item of a batch.
pub(crate) fn reduced(body: Json) -> Json {
    let Json::Object(mut fields) = body else { return Json::Null };
    match fields.remove("data") {
        Some(Json::Array(items)) => {
            json!({ "data": items.into_iter().map(reduced_item).collect::<Vec<_>>() })
        }
        _ => identity(fields),
    }
}

fn reduced_item(item: Json) -> Json {
    let Json::Object(mut fields) = item else { return Json::Null };
    let record = fields.remove("record").and_then(|record| match record {
        Json::Object(fields) => Some(("record".to_owned(), identity(fields))),
        _ => None,
    });
    let status = fields.remove("status").map(|status| ("status".to_owned(), status));
    Json::Object(status.into_iter().chain(record).collect())
}

fn identity(fields: Map<String, Json>) -> Json {
    Json::Object(fields.into_iter().filter(|(name, _)| name == "id" || name == "version").collect())
}

fn encode(error: serde_json::Error) -> Error {
    Error::Sql(sqlx::Error::Encode(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_reduced_answer_identities_and_versions_are_left() {
        let record = json!({ "id": "1", "version": 3, "name": "Acme", "status": "lead" });
        assert_eq!(reduced(record.clone()), json!({ "id": "1", "version": 3 }));
        let problem = json!({ "detail": "precondition-failed", "current": record });
        let batch =
            json!({ "data": [{ "status": 201, "record": record }, { "status": 412, "problem": problem }] });
        let left =
            json!({ "data": [{ "status": 201, "record": { "id": "1", "version": 3 } }, { "status": 412 }] });
        assert_eq!(reduced(batch), left);
    }
}
