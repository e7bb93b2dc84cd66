//! Generic CRUD statements for all resources.
//!
//! They serve resources that consist of one table. Joins, aggregates and queries across tables are hand-written
//! SQL.

mod bulk;
mod history;
mod matching;
mod purge;
mod refer;

pub use bulk::{BulkWrite, Insert, Restore, SoftDelete, Update, lock_all, write_each};
pub use history::history;
pub use matching::{KeyPart, Purpose, find_by_key};
use purge::not_in_trash;
pub use purge::{AboutTable, find_in_trash, find_to_restore, purge, purge_about};

use std::{borrow::Cow, collections::HashSet};

use db::{AccessTarget, Change, Error, Result, Sql, SqlError, TenantTx};
use kernel::Id;
use refer::{check_references, may_miss, recheck_references};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Record, Resource,
    model::{KEPT, columns, names},
};

/// Inserts a new record and audits it.
pub async fn insert<R: Resource>(tx: &mut TenantTx, new: &R) -> Result<Record<R>> {
    let mut new = Cow::Borrowed(new);
    if !tx.scope().is_everyones(&R::ACCESS) {
        new.to_mut().set_default_owner(tx.user());
    }
    R::check(None, &new)?;
    check_references(tx, [(None, &*new)].into_iter()).await?;
    R::validate_references(tx, &[&new]).await?;
    let (names, values) = (names::<R>(), columns::<R>(|_, at| format!("${}", at + 4)));
    let text = format!(
        "insert into app.{} (account_id, id, created_by, updated_by, {names}) values ($1, $2, $3, $3, {values})
         returning {KEPT}, {names}",
        R::TABLE
    );
    let user = tx.user();
    let record = fill(&*new, tx.generated(text).bind(Id::<R>::new()).bind(user)).optional().await;
    let record = record.map_err(explain::<R>)?.ok_or(Error::NotFound(R::NAME))?;
    tx.ensure_in_scope(&R::ACCESS, record.id.into()).await?;
    tx.audit(change("created", None, &record));
    Ok(record)
}

/// Updates a record from `before` to `after`; fails with [`Error::Stale`] if it was changed since it was read.
pub async fn update<R: Resource>(tx: &mut TenantTx, before: &Record<R>, after: &R) -> Result<Record<R>> {
    R::check(Some(&before.data), after)?;
    check_references(tx, [(Some(&before.data), after)].into_iter()).await?;
    R::validate_references(tx, &[after]).await?;
    let (names, sets) = (names::<R>(), columns::<R>(|name, at| format!("{name} = ${}", at + 5)));
    let text = format!(
        "update app.{} set version = version + 1, updated_at = now(), updated_by = $4, {sets}
         where account_id = $1 and id = $2 and version = $3 and deleted_at is null{} returning {KEPT}, {names}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS)
    );
    let user = tx.user();
    let statement = tx.generated(text).bind(before.id).bind(before.meta.version).bind(user);
    let record =
        fill(after, statement).optional().await.map_err(explain::<R>)?.ok_or(Error::Stale(R::NAME))?;
    tx.ensure_in_scope(&R::ACCESS, record.id.into()).await?;
    tx.audit(change("changed", Some(before), &record));
    Ok(record)
}

/// Finds a live record in scope; otherwise [`Error::NotFound`].
pub async fn find<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = $2 and deleted_at is null{}",
        names::<R>(),
        R::TABLE,
        tx.scope().condition(&R::ACCESS)
    );
    tx.generated(text).bind(id).optional().await?.ok_or(Error::NotFound(R::NAME))
}

/// Whether all of these records are live and in scope. Locks them `for key share` until the transaction ends.
pub async fn all_exist(
    tx: &mut TenantTx,
    target: &AccessTarget,
    ids: impl Iterator<Item = Uuid> + Send,
) -> Result<bool> {
    let ids: HashSet<Uuid> = ids.collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let text = format!(
        "select count(*) from (
             select from app.{} where account_id = $1 and id = any($2) and deleted_at is null{} order by id for key share
         ) as held",
        target.table,
        tx.scope().condition(target)
    );
    let found =
        tx.generated::<(i64,)>(text).bind(&ids).optional().await?.map(|(count,)| usize::try_from(count));
    Ok(found == Some(Ok(ids.len())))
}

/// Increments a record's version, for a change of dependent data that is not among its fields. The caller audits
/// that change.
pub async fn bump_version<R: Resource>(tx: &mut TenantTx, before: &Record<R>) -> Result<Record<R>> {
    let text = format!(
        "update app.{} set version = version + 1, updated_at = now(), updated_by = $4
         where account_id = $1 and id = $2 and version = $3 and deleted_at is null{} returning {KEPT}, {}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS),
        names::<R>()
    );
    let user = tx.user();
    let statement = tx.generated(text).bind(before.id).bind(before.meta.version).bind(user);
    statement.optional().await?.ok_or(Error::Stale(R::NAME))
}

/// Moves a record to the trash. Locks it `for update` first: see `refer`.
pub async fn soft_delete<R: Resource>(tx: &mut TenantTx, before: &Record<R>) -> Result<Record<R>> {
    let text = format!(
        "with found as (
             select id from app.{0} where account_id = $1 and id = $2 and version = $3 and deleted_at is null{1} for update
         )
         update app.{0} set version = version + 1, deleted_at = now(), deleted_by = $4, updated_at = now(), updated_by = $4
         where account_id = $1 and id in (select id from found) returning {KEPT}, {2}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS),
        names::<R>()
    );
    let user = tx.user();
    let statement = tx.generated(text).bind(before.id).bind(before.meta.version).bind(user);
    let record = statement.optional().await.map_err(explain::<R>)?.ok_or(Error::Stale(R::NAME))?;
    tx.audit(change("removed", Some(before), &record));
    Ok(record)
}

/// Restores a record from the trash. Fails if it does not exist, is not in the trash, or refers to a record that
/// the caller may not read.
pub async fn restore<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    let text = format!(
        "update app.{} set version = version + 1, deleted_at = null, deleted_by = null, updated_at = now(), updated_by = $3
         where account_id = $1 and id = $2 and deleted_at is not null{} returning {KEPT}, {}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS),
        names::<R>()
    );
    if may_miss::<R>(tx) {
        let gone = find_to_restore::<R>(tx, id).await?;
        recheck_references(tx, std::iter::once(&gone.data)).await?;
    }
    let user = tx.user();
    let record: Option<Record<R>> =
        tx.generated(text).bind(id).bind(user).optional().await.map_err(explain::<R>)?;
    let Some(record) = record else { return Err(not_in_trash(tx, id).await) };
    tx.audit(change("restored", None, &record));
    Ok(record)
}

fn fill<'t, R: Resource>(values: &R, statement: Sql<'t, Record<R>>) -> Sql<'t, Record<R>> {
    statement.bind_with(|bindings| {
        for field in R::FIELDS {
            (field.put)(values, bindings);
        }
    })
}

/// Change of a record for the audit log and its event.
fn change<R: Resource>(action: &'static str, before: Option<&Record<R>>, after: &Record<R>) -> Change {
    let topic = format!("{}.{}.{action}", R::EVENT_PREFIX, R::NAME);
    let before = before.map(|record| json(&record.data));
    Change::between(topic, R::NAME, action, before.as_ref(), json(&after.data))
        .for_record(after.id.into())
        .at(after.meta.version)
}

fn json<T: Serialize>(data: &T) -> Value {
    serde_json::to_value(data).unwrap_or(Value::Null) // a resource serializes: it was just read from JSON or a row
}

/// Maps a violated constraint to the refusal that the resource defines for it; other errors stay database errors.
fn explain<R: Resource>(error: SqlError) -> Error {
    match error.constraint().and_then(R::constraint) {
        Some(refusal) => refusal.into(),
        None => error.into(),
    }
}
