//! The same statements for many records at once: a few round trips for all of them.

mod each;
mod statements;

use std::collections::HashMap;

use kernel::Id;
use uuid::Uuid;

pub use each::write_each;
use statements::{insert_rows, lock_in_trash, remove_rows, restore_rows, rows_at_once, update_rows};

use crate::{
    Change, Error, Record, Resource, Result, TenantTx,
    keep::{
        names,
        refer::{may_miss, refer, refer_again},
    },
    reach::all_stay,
    record::KEPT,
};

/// Something to write among others of its kind.
pub trait Written<R: Resource>: Sized + Send + Sync {
    /// Writes all of `items`, each with its history; answers in their order. A failure is of all of them: it undoes
    /// nothing by itself, and does not tell which item is at fault.
    fn write_all(tx: &mut TenantTx, items: &[Self]) -> impl Future<Output = Result<Vec<Record<R>>>> + Send;

    /// Takes what must be held while they are written.
    fn hold(_tx: &mut TenantTx, _items: &[Self]) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A record to create.
#[derive(Debug, Clone)]
pub struct New<R>(Id<R>, R);

impl<R: Resource> New<R> {
    /// Of this transaction's person, if the rules of `R` let it be.
    pub fn of(tx: &TenantTx, mut new: R) -> Result<Self> {
        if !tx.reach.is_everyones::<R>() {
            new.own(tx.inside.user);
        }
        R::check(None, &new)?;
        Ok(Self(Id::new(), new))
    }
}

/// A record to change, and what it becomes.
#[derive(Debug, Clone)]
pub struct Changed<R>(Record<R>, R);

impl<R: Resource> Changed<R> {
    /// If the rules of `R` let `after` take the place of `before`.
    pub fn of(before: Record<R>, after: R) -> Result<Self> {
        R::check(Some(&before.data), &after)?;
        Ok(Self(before, after))
    }
}

/// A record to move to the trash.
#[derive(Debug, Clone)]
pub struct Removed<R>(pub Record<R>);

/// A record to take out of the trash.
#[derive(Debug)]
pub struct Restored<R>(pub Id<R>);

/// Those of `ids` that are there and in reach, held until the transaction ends. They are taken in the order of their
/// ids: two requests for the same records wait for each other, and not in a circle.
pub async fn lock_all<R: Resource>(tx: &mut TenantTx, ids: &[Id<R>]) -> Result<HashMap<Id<R>, Record<R>>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = any($2) and deleted_at is null{}
         order by id for no key update",
        names::<R>(),
        R::PLURAL,
        tx.reach.condition::<R>()
    );
    // Not kept: a plan that knows none of the ids may look for them among all records of the account.
    let found: Vec<Record<R>> = tx.built(text).bind(ids).all_once().await?;
    Ok(found.into_iter().map(|record| (record.id, record)).collect())
}

impl<R: Resource> Written<R> for New<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<&R> = items.iter().map(|item| &item.1).collect();
        refer(tx, all.iter().map(|new| (None, *new))).await?;
        R::look_around(tx, &all).await?;
        Self::hold(tx, items).await?;
        let mut made = Vec::with_capacity(items.len());
        for part in items.chunks(rows_at_once::<R>()) {
            made.extend(insert_rows(tx, part.iter().map(|New(id, new)| (*id, new))).await?);
        }
        let made = in_order(items.iter().map(|item| item.0), made, Error::NotFound(R::NAME))?;
        all_stay::<R>(tx, &ids(&made)).await?;
        note(tx, "created", made.iter().map(|record| (None, record)));
        Ok(made)
    }

    async fn hold(tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        R::hold(tx, &items.iter().map(|item| &item.1).collect::<Vec<_>>()).await
    }
}

impl<R: Resource> Written<R> for Changed<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<&R> = items.iter().map(|item| &item.1).collect();
        refer(tx, items.iter().map(|Changed(before, after)| (Some(&before.data), after))).await?;
        R::look_around(tx, &all).await?;
        Self::hold(tx, items).await?;
        let mut changed = Vec::with_capacity(items.len());
        for part in items.chunks(rows_at_once::<R>()) {
            changed.extend(update_rows(tx, part.iter().map(|Changed(before, after)| (before, after))).await?);
        }
        let changed = in_order(items.iter().map(|item| item.0.id), changed, Error::Stale(R::NAME))?;
        all_stay::<R>(tx, &ids(&changed)).await?;
        note(tx, "changed", items.iter().map(|item| Some(&item.0)).zip(&changed));
        Ok(changed)
    }

    async fn hold(tx: &mut TenantTx, items: &[Self]) -> Result<()> {
        R::hold(tx, &items.iter().map(|item| &item.1).collect::<Vec<_>>()).await
    }
}

impl<R: Resource> Written<R> for Removed<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<_> = items.iter().map(|item| item.0.id.into()).collect();
        let removed = remove_rows(tx, all).await?;
        let removed = in_order(items.iter().map(|item| item.0.id), removed, Error::Stale(R::NAME))?;
        if items.iter().zip(&removed).any(|(item, gone)| item.0.kept.version + 1 != gone.kept.version) {
            return Err(Error::Stale(R::NAME));
        }
        note(tx, "removed", items.iter().map(|item| Some(&item.0)).zip(&removed));
        Ok(removed)
    }
}

impl<R: Resource> Written<R> for Restored<R> {
    async fn write_all(tx: &mut TenantTx, items: &[Self]) -> Result<Vec<Record<R>>> {
        let all: Vec<_> = items.iter().map(|item| item.0.into()).collect();
        if may_miss::<R>(tx) {
            let gone: Vec<Record<R>> = lock_in_trash(tx, &all).await?;
            refer_again(tx, gone.iter().map(|record| &record.data)).await?;
        }
        let restored = restore_rows(tx, all).await?;
        let restored = in_order(items.iter().map(|item| item.0), restored, Error::NotFound(R::NAME))?;
        note(tx, "restored", restored.iter().map(|record| (None, record)));
        Ok(restored)
    }
}

/// The records of these ids; `missing` when one was not written.
fn in_order<R: Resource>(
    ids: impl Iterator<Item = Id<R>>,
    written: Vec<Record<R>>,
    missing: Error,
) -> Result<Vec<Record<R>>> {
    let mut written: HashMap<_, _> = written.into_iter().map(|record| (record.id, record)).collect();
    ids.map(|id| written.remove(&id)).collect::<Option<_>>().ok_or(missing)
}

fn ids<R>(records: &[Record<R>]) -> Vec<Uuid> {
    records.iter().map(|record| record.id.into()).collect()
}

fn note<'r, R: Resource>(
    tx: &mut TenantTx,
    action: &'static str,
    steps: impl Iterator<Item = (Option<&'r Record<R>>, &'r Record<R>)>,
) {
    for (before, after) in steps {
        tx.note(Change::of(action, before, after));
    }
}
