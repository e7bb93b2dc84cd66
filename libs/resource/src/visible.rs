//! Visibility: decides what an answer shows of a record, for every operation that returns one.

use std::collections::HashSet;

use db::{Result, TenantTx};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{Expanded, Projected, Projection, ResourceHandle, StoredRecord, model::to_json};

/// A record as the caller may see it. Only this crate can create one, so an answer cannot show more.
///
/// A caller without permission to read the record sees its `id` and `version`. Hidden fields are removed.
#[derive(Debug)]
pub struct Visible {
    record: StoredRecord,
    part: Part,
}

#[derive(Debug)]
enum Part {
    /// Nothing but id and version.
    Identity,
    /// What the projection includes.
    Projected(Projection, Expanded),
}

impl Visible {
    /// Identifier of the record.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.record.id
    }

    /// Version of the record, its `ETag`.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.record.version
    }

    /// Converts to JSON, for the body of a problem.
    pub fn into_json(self) -> Result<Json> {
        to_json(&self)
    }
}

impl Serialize for Visible {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.part {
            Part::Projected(projection, expanded) => {
                Projected::new(&self.record, projection, expanded).serialize(serializer)
            }
            Part::Identity => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("id", &self.record.id)?;
                map.serialize_entry("version", &self.record.version)?;
                map.end()
            }
        }
    }
}

impl ResourceHandle {
    /// Reduces the record to what the caller of this transaction may see.
    pub async fn visible(&self, tx: &mut TenantTx, record: StoredRecord) -> Result<Visible> {
        let readable = tx.readable_among(&self.schema().access, vec![record.id]).await?;
        Ok(self.show(tx, readable.as_ref(), record))
    }

    /// Reduces the records, in their order, to what the caller may see. Needs at most one statement.
    pub async fn visible_each(&self, tx: &mut TenantTx, records: Vec<StoredRecord>) -> Result<Vec<Visible>> {
        let ids = records.iter().map(|record| record.id).collect();
        let readable = tx.readable_among(&self.schema().access, ids).await?;
        Ok(records.into_iter().map(|record| self.show(tx, readable.as_ref(), record)).collect())
    }

    /// Shows the record with its visible fields if it is among `readable`, or if there is no such limit.
    fn show(&self, tx: &mut TenantTx, readable: Option<&HashSet<Uuid>>, record: StoredRecord) -> Visible {
        if readable.is_some_and(|readable| !readable.contains(&record.id)) {
            return Visible { record, part: Part::Identity };
        }
        tx.note_answered(record.id);
        let projection = Projection::of_visible(tx.scope().hidden_of(self.schema().name()));
        Visible { record, part: Part::Projected(projection, Expanded::default()) }
    }
}

/// Applies the projection to a record that was found by reading.
pub(crate) async fn projected(
    tx: &mut TenantTx,
    record: StoredRecord,
    projection: Projection,
) -> Result<Visible> {
    let expanded = projection.expanded(tx, std::slice::from_ref(&record)).await?;
    Ok(Visible { record, part: Part::Projected(projection, expanded) })
}
