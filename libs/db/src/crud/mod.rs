//! Generic CRUD statements for all resources.
//!
//! They serve resources that consist of one table. Joins, aggregates and queries across tables are hand-written
//! SQL.

mod bulk;
mod history;
mod idempotency;
mod matching;
mod purge;
mod refer;

pub use bulk::{BulkWrite, Insert, Restore, SoftDelete, Update, lock_all, write_each};
pub use history::history;
pub use idempotency::{StoredResponse, remember, remember_of, replay, replay_of};
pub use matching::{KeyPart, Purpose, find_by_key};
use purge::not_in_trash;
pub use purge::{find_in_trash, find_to_restore, purge, purge_about};

use std::{borrow::Cow, collections::HashSet};

use kernel::Id;
use refer::{check_references, may_miss, recheck_references};
use uuid::Uuid;

use crate::{Change, Error, Record, Resource, Result, Sql, TenantTx, access::ensure_in_scope, record::KEPT};

/// Inserts a new record and audits it.
pub async fn insert<R: Resource>(tx: &mut TenantTx, new: &R) -> Result<Record<R>> {
    let mut new = Cow::Borrowed(new);
    if !tx.reach.is_everyones::<R>() {
        new.to_mut().set_default_owner(tx.inside.user);
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
    let user = tx.inside.user;
    let record = fill(&*new, tx.built(text).bind(Id::<R>::new()).bind(user)).optional().await;
    let record = record.map_err(explain::<R>)?.ok_or(Error::NotFound(R::NAME))?;
    ensure_in_scope(tx, record.id).await?;
    tx.audit(Change::from_records("created", None, &record));
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
        tx.reach.condition::<R>()
    );
    let user = tx.inside.user;
    let statement = tx.built(text).bind(before.id).bind(before.meta.version).bind(user);
    let record =
        fill(after, statement).optional().await.map_err(explain::<R>)?.ok_or(Error::Stale(R::NAME))?;
    ensure_in_scope(tx, record.id).await?;
    tx.audit(Change::from_records("changed", Some(before), &record));
    Ok(record)
}

/// Finds a live record in scope; otherwise [`Error::NotFound`].
pub async fn find<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = $2 and deleted_at is null{}",
        names::<R>(),
        R::TABLE,
        tx.reach.condition::<R>()
    );
    tx.built(text).bind(id).optional().await?.ok_or(Error::NotFound(R::NAME))
}

/// Whether all of these records are live and in scope. Locks them `for key share` until the transaction ends.
pub async fn all_exist<R: Resource>(tx: &mut TenantTx, ids: &[Id<R>]) -> Result<bool> {
    let ids: HashSet<Uuid> = ids.iter().map(|id| (*id).into()).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let text = format!(
        "select count(*) from (
             select from app.{} where account_id = $1 and id = any($2) and deleted_at is null{} order by id for key share
         ) as held",
        R::TABLE,
        tx.reach.condition::<R>()
    );
    let found = tx.built::<(i64,)>(text).bind(&ids).optional().await?.map(|(count,)| usize::try_from(count));
    Ok(found == Some(Ok(ids.len())))
}

/// Increments a record's version, for a change of dependent data that is not among its fields. The caller audits
/// that change.
pub async fn bump_version<R: Resource>(tx: &mut TenantTx, before: &Record<R>) -> Result<Record<R>> {
    let text = format!(
        "update app.{} set version = version + 1, updated_at = now(), updated_by = $4
         where account_id = $1 and id = $2 and version = $3 and deleted_at is null{} returning {KEPT}, {}",
        R::TABLE,
        tx.reach.condition::<R>(),
        names::<R>()
    );
    let user = tx.inside.user;
    let statement = tx.built(text).bind(before.id).bind(before.meta.version).bind(user);
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
        tx.reach.condition::<R>(),
        names::<R>()
    );
    let user = tx.inside.user;
    let statement = tx.built(text).bind(before.id).bind(before.meta.version).bind(user);
    let record = statement.optional().await.map_err(explain::<R>)?.ok_or(Error::Stale(R::NAME))?;
    tx.audit(Change::from_records("removed", Some(before), &record));
    Ok(record)
}

/// Restores a record from the trash. Fails if it does not exist, is not in the trash, or refers to a record that
/// the caller may not read.
pub async fn restore<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Record<R>> {
    let text = format!(
        "update app.{} set version = version + 1, deleted_at = null, deleted_by = null, updated_at = now(), updated_by = $3
         where account_id = $1 and id = $2 and deleted_at is not null{} returning {KEPT}, {}",
        R::TABLE,
        tx.reach.condition::<R>(),
        names::<R>()
    );
    if may_miss::<R>(tx) {
        let gone = find_to_restore::<R>(tx, id).await?;
        recheck_references(tx, std::iter::once(&gone.data)).await?;
    }
    let user = tx.inside.user;
    let record: Option<Record<R>> =
        tx.built(text).bind(id).bind(user).optional().await.map_err(explain::<R>)?;
    let Some(record) = record else { return Err(not_in_trash(tx, id).await) };
    tx.audit(Change::from_records("restored", None, &record));
    Ok(record)
}

/// Column list of `R` for a select.
pub(crate) fn names<R: Resource>() -> String {
    let mut names = String::with_capacity(R::FIELDS.len() * 16);
    for (at, field) in R::FIELDS.iter().enumerate() {
        names.push_str(if at == 0 { "" } else { ", " });
        names.push_str(field.name);
    }
    names
}

fn columns<R: Resource>(part: impl Fn(&str, usize) -> String) -> String {
    let parts: Vec<_> = R::FIELDS.iter().enumerate().map(|(at, field)| part(field.name, at)).collect();
    parts.join(", ")
}

fn fill<'t, R: Resource>(values: &R, mut statement: Sql<'t, Record<R>>) -> Sql<'t, Record<R>> {
    for field in R::FIELDS {
        (field.put)(values, &mut statement.row);
    }
    statement
}

/// Maps a violated constraint to the refusal that the resource defines for it; other errors stay database errors.
fn explain<R: Resource>(error: sqlx::Error) -> Error {
    let constraint = error.as_database_error().and_then(|refused| refused.constraint());
    match constraint.and_then(R::constraint) {
        Some(refusal) => refusal.into(),
        None => error.into(),
    }
}
