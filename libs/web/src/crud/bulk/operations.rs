//! What each operation reads, and what it makes ready to be written.

use std::collections::HashMap;

use db::{Changed, Hidden, New, Record, Removed, Resource, Restored, TenantTx, Written, lock_all};
use http::StatusCode;
use kernel::Id;
use serde_json::Value;

use super::{
    body::{Change, Removal, Restoration},
    items::within,
};
use crate::{Action, Delete, Error, Patch, Result, Unread, Write, extract::understood};

/// The records that are still as they were seen, and of each other one the refusal, with what the caller may see of it now.
async fn as_seen<R: Resource>(
    tx: &mut TenantTx,
    mut found: HashMap<Id<R>, Record<R>>,
    seen: impl Iterator<Item = (Id<R>, i64)>,
) -> Result<HashMap<Id<R>, Result<Record<R>>>> {
    let changed =
        |(id, version)| found.get(&id).is_some_and(|record: &Record<R>| record.kept.version != version);
    let stale: Vec<Id<R>> = seen.filter(|&one| changed(one)).map(|(id, _)| id).collect();
    let stale: Vec<Record<R>> = stale.iter().filter_map(|id| found.remove(id)).collect();
    let mut all: HashMap<_, _> = found.into_iter().map(|(id, record)| (id, Ok(record))).collect();
    for current in db::visible_each(tx, stale).await? {
        all.insert(current.id(), Err(Error::Stale(R::NAME, Some(current.into_json()?))));
    }
    Ok(all)
}

/// An operation of a batch of `R`.
pub(super) trait Operation<R: Resource>: Sized + Send {
    /// What it needs the permission for.
    type Action: Action;
    /// What is written in the end.
    type Written: Written<R>;
    /// What it answers for an item that it did.
    const DONE: StatusCode;
    /// Where in an item the fields of the record stand.
    const FIELDS: &'static str = "";

    /// Reads an item, without the database.
    fn read(item: Value, hidden: &Hidden) -> Result<Self>;

    /// The record that it is about, if it is there.
    fn id(&self) -> Option<Id<R>>;

    /// Makes items ready to be written; tells of each whether it is.
    fn prepare(
        tx: &mut TenantTx,
        items: Vec<Self>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Written>>>> + Send;
}

/// A record to create.
pub(super) struct Creation<R>(R);

impl<R: Resource> Operation<R> for Creation<R> {
    type Action = Write;
    type Written = New<R>;
    const DONE: StatusCode = StatusCode::CREATED;

    fn read(item: Value, hidden: &Hidden) -> Result<Self> {
        Unread::from(item).into_new(hidden).map(Self)
    }

    fn id(&self) -> Option<Id<R>> {
        None
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<New<R>>>> {
        Ok(items.into_iter().map(|Self(new)| Ok(New::of(tx, new)?)).collect())
    }
}

impl<R: Resource> Operation<R> for Change<R> {
    type Action = Write;
    type Written = Changed<R>;
    const DONE: StatusCode = StatusCode::OK;
    const FIELDS: &'static str = "/patch";

    fn read(item: Value, hidden: &Hidden) -> Result<Self> {
        let change: Self = understood(item)?;
        let patch = Patch::of(change.patch.clone());
        let patch = patch.ok_or_else(|| Error::invalid("/patch", "type", "must be an object"))?;
        patch.spares(hidden).map_err(|error| within(Self::FIELDS, error))?;
        Ok(change)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Changed<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let seen = items.iter().map(|item| (item.id, item.version));
        let found = lock_all(tx, &ids).await?;
        let mut found = as_seen(tx, found, seen).await?;
        let ready = |Self { id, patch, .. }| {
            let before = found.remove(&id).ok_or(Error::NotFound(R::NAME))??;
            let patch = Patch::of(patch).ok_or_else(|| Error::invalid("", "type", "must be an object"));
            let after = patch.and_then(|patch| patch.onto(&before.data));
            Ok(Changed::of(before, after.map_err(|error| within(Self::FIELDS, error))?)?)
        };
        Ok(items.into_iter().map(ready).collect())
    }
}

impl<R: Resource> Operation<R> for Removal<R> {
    type Action = Delete;
    type Written = Removed<R>;
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    fn read(item: Value, _: &Hidden) -> Result<Self> {
        understood(item)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Removed<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let seen = items.iter().map(|item| (item.id, item.version));
        let found = lock_all(tx, &ids).await?;
        let mut found = as_seen(tx, found, seen).await?;
        let ready = |Self { id, .. }| found.remove(&id).ok_or(Error::NotFound(R::NAME))?.map(Removed);
        Ok(items.into_iter().map(ready).collect())
    }
}

impl<R: Resource> Operation<R> for Restoration<R> {
    type Action = Delete;
    type Written = Restored<R>;
    const DONE: StatusCode = StatusCode::OK;

    fn read(item: Value, _: &Hidden) -> Result<Self> {
        understood(item)
    }

    fn id(&self) -> Option<Id<R>> {
        Some(self.id)
    }

    async fn prepare(_: &mut TenantTx, items: Vec<Self>) -> Result<Vec<Result<Restored<R>>>> {
        Ok(items.into_iter().map(|item| Ok(Restored(item.id))).collect())
    }
}
