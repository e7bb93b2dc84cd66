//! Bulk operations: parsing of items, and their preparation for the write.

use std::collections::HashMap;

use db::{HiddenFields, TenantTx};
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;
use web::{Action, Delete, Error, MergePatch, Result, UnparsedJson, Write, parse_json};

use super::{
    body::{Change, Removal, Restoration},
    items::within,
};
use crate::{BulkWrite, Insert, ResourceHandle, Restore, SoftDelete, StoredRecord, Update, Values};

/// Finds and locks the records of these ids, and compares them with the versions last read. A changed record yields
/// [`Error::Stale`], with what the caller may see of its current state.
async fn as_seen(
    resource: &ResourceHandle,
    tx: &mut TenantTx,
    seen: &[(Uuid, i64)],
) -> Result<HashMap<Uuid, Result<StoredRecord>>> {
    let ids: Vec<Uuid> = seen.iter().map(|(id, _)| *id).collect();
    let mut found = resource.lock_all(tx, &ids).await?;
    let changed = |(id, version): &(Uuid, i64)| {
        let is_changed = found.get(id).is_some_and(|record| record.version != *version);
        is_changed.then_some(*id)
    };
    let stale: Vec<Uuid> = seen.iter().filter_map(changed).collect();
    let stale: Vec<StoredRecord> = stale.iter().filter_map(|id| found.remove(id)).collect();
    let mut all: HashMap<_, _> = found.into_iter().map(|(id, record)| (id, Ok(record))).collect();
    for current in resource.visible_each(tx, stale).await? {
        all.insert(current.id(), Err(Error::Stale(resource.schema().name(), Some(current.into_json()?))));
    }
    Ok(all)
}

/// A bulk operation on records.
pub(super) trait Operation: Sized + Send {
    /// Action that requires the permission.
    type Action: Action;
    /// Write operation that an item is prepared into.
    type Written: BulkWrite;
    /// Status of a successful item.
    const DONE: StatusCode;
    /// JSON pointer to the record's fields within an item.
    const FIELDS: &'static str = "";

    /// Parses an item without the database.
    fn read(resource: &ResourceHandle, item: Value, hidden: &HiddenFields) -> Result<Self>;

    /// Id of the record that the item refers to; `None` for a new one.
    fn id(&self) -> Option<Uuid>;

    /// Prepares items for the write; returns one result per item.
    fn prepare(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Written>>>> + Send;
}

/// A create item of a bulk request.
pub(super) struct Creation(Values);

impl Operation for Creation {
    type Action = Write;
    type Written = Insert;
    const DONE: StatusCode = StatusCode::CREATED;

    fn read(resource: &ResourceHandle, item: Value, hidden: &HiddenFields) -> Result<Self> {
        resource.parse(UnparsedJson::from(item).into_new(hidden)?).map(Self)
    }

    fn id(&self) -> Option<Uuid> {
        None
    }

    async fn prepare(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> Result<Vec<Result<Insert>>> {
        Ok(items.into_iter().map(|Self(new)| Ok(Insert::new(resource, tx, new)?)).collect())
    }
}

impl Operation for Change {
    type Action = Write;
    type Written = Update;
    const DONE: StatusCode = StatusCode::OK;
    const FIELDS: &'static str = "/patch";

    fn read(_: &ResourceHandle, item: Value, hidden: &HiddenFields) -> Result<Self> {
        let change: Self = parse_json(item)?;
        let patch = MergePatch::parse(change.patch.clone());
        let patch = patch.ok_or_else(|| Error::invalid("/patch", "type", "must be an object"))?;
        patch.ensure_not_touched(hidden).map_err(|error| within(Self::FIELDS, error))?;
        Ok(change)
    }

    fn id(&self) -> Option<Uuid> {
        Some(self.id)
    }

    async fn prepare(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> Result<Vec<Result<Update>>> {
        let seen: Vec<_> = items.iter().map(|item| (item.id, item.version)).collect();
        let mut found = as_seen(resource, tx, &seen).await?;
        let ready = |Self { id, patch, .. }| {
            let before = found.remove(&id).ok_or(Error::NotFound(resource.schema().name()))??;
            let patch =
                MergePatch::parse(patch).ok_or_else(|| Error::invalid("", "type", "must be an object"));
            let after = patch.and_then(|patch| resource.patched(&before, patch));
            let after = after.map_err(|error| within(Self::FIELDS, error))?;
            Ok(Update::new(resource, before, after)?)
        };
        Ok(items.into_iter().map(ready).collect())
    }
}

impl Operation for Removal {
    type Action = Delete;
    type Written = SoftDelete;
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    fn read(_: &ResourceHandle, item: Value, _: &HiddenFields) -> Result<Self> {
        parse_json(item)
    }

    fn id(&self) -> Option<Uuid> {
        Some(self.id)
    }

    async fn prepare(
        resource: &ResourceHandle,
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> Result<Vec<Result<SoftDelete>>> {
        let seen: Vec<_> = items.iter().map(|item| (item.id, item.version)).collect();
        let mut found = as_seen(resource, tx, &seen).await?;
        let ready = |Self { id, .. }| {
            let missing = || Error::NotFound(resource.schema().name());
            found.remove(&id).ok_or_else(missing)?.map(SoftDelete)
        };
        Ok(items.into_iter().map(ready).collect())
    }
}

impl Operation for Restoration {
    type Action = Delete;
    type Written = Restore;
    const DONE: StatusCode = StatusCode::OK;

    fn read(_: &ResourceHandle, item: Value, _: &HiddenFields) -> Result<Self> {
        parse_json(item)
    }

    fn id(&self) -> Option<Uuid> {
        Some(self.id)
    }

    async fn prepare(_: &ResourceHandle, _: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Restore>>> {
        Ok(items.into_iter().map(|item| Ok(Restore(item.id))).collect())
    }
}
