//! The one decision about what an answer shows of a record, for every operation that answers with one.

use std::collections::HashSet;

use kernel::Id;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{Dress, Error, Record, Resource, Result, TenantTx, reach::Reading};

/// A record as the caller of a transaction may see it. Only this crate makes one, so an answer cannot show more.
///
/// A caller without the permission to read the record sees its `id` and its `version`; a caller from whom fields are
/// hidden sees it without them.
#[derive(Debug)]
pub struct Visible<R> {
    id: Id<R>,
    version: i64,
    shown: Shown<R>,
}

#[derive(Debug)]
enum Shown<R> {
    Whole(Record<R>),
    Part(Json),
}

impl<R> Visible<R> {
    /// The identity of the record.
    #[must_use]
    pub fn id(&self) -> Id<R> {
        self.id
    }

    /// The version of the record, its `ETag`.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }
}

impl<R: Resource> Visible<R> {
    fn whole(record: Record<R>) -> Self {
        Self { id: record.id, version: record.kept.version, shown: Shown::Whole(record) }
    }

    fn part(record: &Record<R>, part: Json) -> Self {
        Self { id: record.id, version: record.kept.version, shown: Shown::Part(part) }
    }

    /// As JSON, for the body of a problem.
    pub fn into_json(self) -> Result<Json> {
        match self.shown {
            Shown::Whole(record) => serde_json::to_value(record).map_err(encode),
            Shown::Part(part) => Ok(part),
        }
    }
}

impl<R: Resource> Serialize for Visible<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.shown {
            Shown::Whole(record) => record.serialize(serializer),
            Shown::Part(part) => part.serialize(serializer),
        }
    }
}

/// The record as the caller of this transaction may see it.
pub async fn visible<R: Resource>(tx: &mut TenantTx, record: Record<R>) -> Result<Visible<R>> {
    let readable = Readable::among::<R>(tx, std::slice::from_ref(&record)).await?;
    show(tx, &readable, record)
}

/// The records, in their order, as the caller of this transaction may see them. At most one statement for all of them.
pub async fn visible_each<R: Resource>(
    tx: &mut TenantTx,
    records: Vec<Record<R>>,
) -> Result<Vec<Visible<R>>> {
    let readable = Readable::among(tx, &records).await?;
    records.into_iter().map(|record| show(tx, &readable, record)).collect()
}

/// A record that was found by reading, with the fields and references that `dress` asks for.
pub async fn dressed<R: Resource>(tx: &mut TenantTx, record: Record<R>, dress: &Dress) -> Result<Visible<R>> {
    if dress.is_plain() {
        return Ok(Visible::whole(record));
    }
    let records = [record];
    let part = dress.put_on(tx, &records).await?.pop().unwrap_or_default();
    let [record] = records;
    Ok(Visible::part(&record, part))
}

fn show<R: Resource>(tx: &mut TenantTx, readable: &Readable, record: Record<R>) -> Result<Visible<R>> {
    if !readable.has(record.id.into()) {
        let part = json!({ "id": record.id, "version": record.kept.version });
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

/// Which of some records the caller may read.
enum Readable {
    All,
    Only(HashSet<Uuid>),
}

impl Readable {
    async fn among<R: Resource>(tx: &mut TenantTx, records: &[Record<R>]) -> Result<Self> {
        Ok(match tx.reach.reading_of::<R>() {
            Reading::Every => Self::All,
            Reading::None => Self::Only(HashSet::new()),
            Reading::Where(condition) => {
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
        format!("select id from app.{} record where account_id = $1 and id = any ($2){condition}", R::PLURAL);
    let found = tx.built::<(Uuid,)>(text).bind(ids).all().await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Whether the caller may still read each of these records of `R`, in the trash or not.
pub(crate) async fn all_readable<R: Resource>(tx: &mut TenantTx, ids: &[Uuid]) -> Result<bool> {
    Ok(match tx.reach.reading_of::<R>() {
        Reading::Every => true,
        Reading::None => ids.is_empty(),
        Reading::Where(condition) => {
            let found = readable::<R>(tx, ids.to_vec(), &condition).await?;
            ids.iter().all(|id| found.contains(id))
        }
    })
}

/// What is left of the JSON body of an answer whose reader may no longer see the records in it: identities and versions, and
/// the status of each item of a batch.
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
