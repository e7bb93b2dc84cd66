//! SQL statements that write the rows of many records at once.

use std::fmt::Write as _;

use db::{Bindings, Result, TenantTx};
use kernel::Id;
use uuid::Uuid;

use crate::{
    Record, Resource,
    model::{KEPT, columns, names},
    store::explain,
};

/// Half of the parameters that PostgreSQL accepts per statement.
const VALUES: usize = 32_000;

/// Number of rows of `R` that fit into one statement.
pub(super) fn rows_at_once<R: Resource>() -> usize {
    VALUES / (R::FIELDS.len() + 2)
}

pub(super) async fn insert_rows<R: Resource>(
    tx: &mut TenantTx,
    rows: impl Iterator<Item = (Id<R>, &R)>,
) -> Result<Vec<Record<R>>> {
    let mut values = opened(tx);
    let mut list = String::new();
    for (id, new) in rows {
        values.bind(id);
        list.push_str(if list.is_empty() { "($1, $2, $2" } else { ", ($1, $2, $2" });
        place(&mut list, &mut values, 0, new);
    }
    let names = names::<R>();
    let text = format!(
        "insert into app.{} (account_id, created_by, updated_by, id, {names}) values {list} returning {KEPT}, {names}",
        R::TABLE
    );
    send(tx, text, values).await
}

/// Updates each row only if its version is unchanged.
pub(super) async fn update_rows<R: Resource>(
    tx: &mut TenantTx,
    rows: impl Iterator<Item = (&Record<R>, &R)>,
) -> Result<Vec<Record<R>>> {
    let mut values = opened(tx);
    let mut list = String::new();
    for (before, after) in rows {
        values.bind(before.id);
        values.bind(before.meta.version);
        list.push_str(if list.is_empty() { "(" } else { ", (" });
        place(&mut list, &mut values, 1, after);
    }
    let sets = columns::<R>(|name, _| format!("{name} = new.{name}"));
    let returned = columns::<R>(|name, _| format!("record.{name}"));
    let kept: Vec<_> = KEPT.split(", ").map(|name| format!("record.{name}")).collect();
    let text = format!(
        "update app.{} record set version = record.version + 1, updated_at = now(), updated_by = $2, {sets}
         from (values {list}) as new (id, seen, {})
         where record.account_id = $1 and record.id = new.id and record.version = new.seen and record.deleted_at is null
         returning {}, {returned}",
        R::TABLE,
        names::<R>(),
        kept.join(", ")
    );
    send(tx, text, values).await
}

pub(super) async fn remove_rows<R: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<Vec<Record<R>>> {
    let text = format!(
        "with found as (
             select id from app.{0} where account_id = $1 and id = any($3) and deleted_at is null{1} order by id for update
         )
         update app.{0} set version = version + 1, deleted_at = now(), deleted_by = $2, updated_at = now(), updated_by = $2
         where account_id = $1 and id in (select id from found) returning {KEPT}, {2}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS),
        names::<R>()
    );
    let user = tx.user();
    tx.generated(text).bind(user).bind(ids).all_once().await.map_err(explain::<R>)
}

/// Finds and locks the reachable records in the trash among `ids` until the transaction ends.
pub(super) async fn lock_in_trash<R: Resource>(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<Record<R>>> {
    let text = format!(
        "select {KEPT}, {} from app.{} where account_id = $1 and id = any($2) and deleted_at is not null{} order by id for update",
        names::<R>(),
        R::TABLE,
        tx.scope().condition(&R::ACCESS)
    );
    Ok(tx.generated(text).bind(ids).all_once().await?)
}

pub(super) async fn restore_rows<R: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<Vec<Record<R>>> {
    let text = format!(
        "with found as (
             select id from app.{0} where account_id = $1 and id = any($3) and deleted_at is not null{1} order by id for update
         )
         update app.{0} set version = version + 1, deleted_at = null, deleted_by = null, updated_at = now(), updated_by = $2
         where account_id = $1 and id in (select id from found) returning {KEPT}, {2}",
        R::TABLE,
        tx.scope().condition(&R::ACCESS),
        names::<R>()
    );
    let user = tx.user();
    tx.generated(text).bind(user).bind(ids).all_once().await.map_err(explain::<R>)
}

/// Starts the parameters: `$1` is the account, `$2` the user.
fn opened(tx: &TenantTx) -> Bindings {
    let mut values = tx.bindings();
    values.bind(tx.user());
    values
}

/// Appends the placeholders of a row to `list`: `more + 1` parameters that are bound already, and the fields.
fn place<R: Resource>(list: &mut String, values: &mut Bindings, more: usize, row: &R) {
    let first = values.len() - more;
    for field in R::FIELDS {
        (field.put)(row, values);
    }
    for at in first..=values.len() {
        let comma = if list.ends_with('(') { "" } else { ", " };
        let _ = write!(list, "{comma}${at}"); // writing to a String cannot fail
    }
    list.push(')');
}

async fn send<R: Resource>(tx: &mut TenantTx, text: String, values: Bindings) -> Result<Vec<Record<R>>> {
    let statement = tx.generated_with(text, values);
    statement.all_once().await.map_err(explain::<R>)
}
