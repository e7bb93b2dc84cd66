//! Bulk operations: parsing of items, and their preparation for the write.

use std::collections::HashMap;

use db::{HiddenFields, TenantTx};
use http::StatusCode;
use kernel::Id;
use serde_json::Value;
use web::{Action, Delete, Error, MergePatch, Result, UnparsedJson, Write, parse_json};

use super::{
    body::{Change, Removal, Restoration},
    items::within,
};
use crate::{BulkWrite, Insert, Record, Resource, Restore, SoftDelete, Update, lock_all};

/// Compares the found records with the versions last read. A changed record yields [`Error::Stale`], with what the
/// caller may see of its current state.
async fn as_seen<R: Resource>(
    tx: &mut TenantTx,
    mut found: HashMap<Id<R>, Record<R>>,
    seen: impl Iterator<Item = (Id<R>, i64)>,
) -> Result<HashMap<Id<R>, Result<Record<R>>>> {
    let changed =
        |(id, version)| found.get(&id).is_some_and(|record: &Record<R>| record.meta.version != version);
    let stale: Vec<Id<R>> = seen.filter(|&one| changed(one)).map(|(id, _)| id).collect();
    let stale: Vec<Record<R>> = stale.iter().filter_map(|id| found.remove(id)).collect();
    let mut all: HashMap<_, _> = found.into_iter().map(|(id, record)| (id, Ok(record))).collect();
    for current in crate::visible_each(tx, stale).await? {
        all.insert(current.id(), Err(Error::Stale(R::NAME, Some(current.into_json()?))));
    }
    Ok(all)
}

/// A bulk operation on records of `R`.
pub(super) trait Operation<R: Resource>: Sized + Send {
    /// Action that requires the permission.
    type Action: Action;
    /// Write operation that an item is prepared into.
    type Written: BulkWrite<R>;
    /// Status of a successful item.
    const DONE: StatusCode;
    /// JSON pointer to the record's fields within an item.
    const FIELDS: &'static str = "";

    /// Parses an item without the database.
    fn read(item: Value, hidden: &HiddenFields) -> Result<Self>;

    /// Id of the record that the item refers to; `None` for a new one.
    fn id(&self) -> Option<Id<R>>;

    /// Prepares items for the write; returns one result per item.
    fn prepare(
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Written>>>> + Send;
}

/// A create item of a bulk request.
pub(super) struct Creation<R>(R);

impl<R: Resource> Operation<R> for Creation<R> {
    type Action = Write;
    type Written = Insert<R>;
    const DONE: StatusCode = StatusCode::CREATED;

    fn read(item: Value, hidden: &HiddenFields) -> Result<Self> {
        UnparsedJson::from(item).into_new(hidden).map(Self)
    }

    fn id(&self) -> Option<Id<R>> {
        None
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Insert<R>>>> {
        Ok(items.into_iter().map(|Self(new)| Ok(Insert::new(tx, new)?)).collect())
    }
}

impl<R: Resource> Operation<R> for Change<R> {
    type Action = Write;
    type Written = Update<R>;
    const DONE: StatusCode = StatusCode::OK;
    const FIELDS: &'static str = "/patch";

    fn read(item: Value, hidden: &HiddenFields) -> Result<Self> {
        let change: Self = parse_json(item)?;
        let patch = MergePatch::parse(change.patch.clone());
        let patch = patch.ok_or_else(|| Error::invalid("/patch", "type", "must be an object"))?;
        patch.ensure_not_touched(hidden).map_err(|error| within(Self::FIELDS, error))?;
        Ok(change)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Update<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let seen = items.iter().map(|item| (item.id, item.version));
        let found = lock_all(tx, &ids).await?;
        let mut found = as_seen(tx, found, seen).await?;
        let ready = |Self { id, patch, .. }| {
            let before = found.remove(&id).ok_or(Error::NotFound(R::NAME))??;
            let patch =
                MergePatch::parse(patch).ok_or_else(|| Error::invalid("", "type", "must be an object"));
            let after = patch.and_then(|patch| patch.apply_to(&before.data));
            Ok(Update::new(before, after.map_err(|error| within(Self::FIELDS, error))?)?)
        };
        Ok(items.into_iter().map(ready).collect())
    }
}

impl<R: Resource> Operation<R> for Removal<R> {
    type Action = Delete;
    type Written = SoftDelete<R>;
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    fn read(item: Value, _: &HiddenFields) -> Result<Self> {
        parse_json(item)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<SoftDelete<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let seen = items.iter().map(|item| (item.id, item.version));
        let found = lock_all(tx, &ids).await?;
        let mut found = as_seen(tx, found, seen).await?;
        let ready = |Self { id, .. }| found.remove(&id).ok_or(Error::NotFound(R::NAME))?.map(SoftDelete);
        Ok(items.into_iter().map(ready).collect())
    }
}

impl<R: Resource> Operation<R> for Restoration<R> {
    type Action = Delete;
    type Written = Restore<R>;
    const DONE: StatusCode = StatusCode::OK;

    fn read(item: Value, _: &HiddenFields) -> Result<Self> {
        parse_json(item)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(_: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Restore<R>>>> {
        Ok(items.into_iter().map(|item| Ok(Restore(item.id))).collect())
    }
}
