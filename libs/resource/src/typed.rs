//! The operations of [`ResourceHandle`] on records of a type that is known at compile time, for handlers with rules of
//! their own.

use db::{Result, TenantTx};
use kernel::Id;
use web::IfMatch;

use crate::{Record, Resource, ResourceHandle, Values, Visible};

/// Inserts a new record; see [`ResourceHandle::insert`].
pub async fn insert<R: Resource>(tx: &mut TenantTx, new: &R) -> Result<Record<R>> {
    ResourceHandle::of::<R>().insert(tx, Values::new(new.clone())).await?.read()
}

/// Updates a record; see [`ResourceHandle::update`].
pub async fn update<R: Resource>(tx: &mut TenantTx, before: &Record<R>, after: &R) -> Result<Record<R>> {
    ResourceHandle::of::<R>().update(tx, &before.stored, &Values::new(after.clone())).await?.read()
}

/// Finds a live record in scope; see [`ResourceHandle::find`].
pub async fn find<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    ResourceHandle::of::<R>().find(tx, id.into()).await?.read()
}

/// Increments a record's version; see [`ResourceHandle::bump_version`].
pub async fn bump_version<R: Resource>(tx: &mut TenantTx, before: &Record<R>) -> Result<Record<R>> {
    ResourceHandle::of::<R>().bump_version(tx, &before.stored).await?.read()
}

/// Moves a record to the trash; see [`ResourceHandle::soft_delete`].
pub async fn soft_delete<R: Resource>(tx: &mut TenantTx, before: &Record<R>) -> Result<Record<R>> {
    ResourceHandle::of::<R>().soft_delete(tx, &before.stored).await?.read()
}

/// Restores a record from the trash; see [`ResourceHandle::restore`].
pub async fn restore<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    ResourceHandle::of::<R>().restore(tx, id.into()).await?.read()
}

/// Finds and locks a record in the trash; see [`ResourceHandle::find_to_restore`].
pub async fn find_to_restore<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    ResourceHandle::of::<R>().find_to_restore(tx, id.into()).await?.read()
}

/// Reduces the record to what the caller may see; see [`ResourceHandle::visible`].
pub async fn visible<R: Resource>(tx: &mut TenantTx, record: Record<R>) -> Result<Visible> {
    ResourceHandle::of::<R>().visible(tx, record.stored).await
}

/// Fails unless the record has the version that the client has read; see [`ResourceHandle::ensure_unchanged`].
pub async fn ensure_unchanged<R: Resource>(
    tx: &mut TenantTx,
    if_match: IfMatch,
    record: &Record<R>,
) -> web::Result<()> {
    ResourceHandle::of::<R>().ensure_unchanged(tx, if_match, &record.stored).await
}
