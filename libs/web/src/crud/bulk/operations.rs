//! What each operation reads, and what it makes ready to be written.

use db::{Changed, Hidden, New, Removed, Resource, Restored, TenantTx, Written, lock_all};
use http::StatusCode;
use kernel::Id;
use serde_json::Value;

use super::{
    body::{Change, Removal, Restoration},
    items::within,
};
use crate::{
    Action, Delete, Error, IfMatch, Patch, Result, Write,
    extract::{hidden_field, understood},
};

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
        hidden: &Hidden,
    ) -> impl Future<Output = Result<Vec<Result<Self::Written>>>> + Send;
}

/// A record to create.
pub(super) struct Creation<R>(R);

impl<R: Resource> Operation<R> for Creation<R> {
    type Action = Write;
    type Written = New<R>;
    const DONE: StatusCode = StatusCode::CREATED;

    fn read(item: Value, hidden: &Hidden) -> Result<Self> {
        if let Some(field) = hidden.named_by(&item) {
            return Err(hidden_field(field));
        }
        understood(item).map(Self)
    }

    fn id(&self) -> Option<Id<R>> {
        None
    }

    async fn prepare(tx: &mut TenantTx, items: Vec<Self>, _: &Hidden) -> Result<Vec<Result<New<R>>>> {
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

    async fn prepare(
        tx: &mut TenantTx,
        items: Vec<Self>,
        hidden: &Hidden,
    ) -> Result<Vec<Result<Changed<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let mut found = lock_all(tx, &ids).await?;
        let ready = |Self { id, version, patch }| {
            let before = found.remove(&id).ok_or(Error::NotFound(R::NAME))?;
            IfMatch::version(version).holds(&before, hidden)?;
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

    async fn prepare(
        tx: &mut TenantTx,
        items: Vec<Self>,
        hidden: &Hidden,
    ) -> Result<Vec<Result<Removed<R>>>> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let mut found = lock_all(tx, &ids).await?;
        let ready = |Self { id, version }| {
            let before = found.remove(&id).ok_or(Error::NotFound(R::NAME))?;
            IfMatch::version(version).holds(&before, hidden)?;
            Ok(Removed(before))
        };
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

    async fn prepare(_: &mut TenantTx, items: Vec<Self>, _: &Hidden) -> Result<Vec<Result<Restored<R>>>> {
        Ok(items.into_iter().map(|item| Ok(Restored(item.id))).collect())
    }
}
