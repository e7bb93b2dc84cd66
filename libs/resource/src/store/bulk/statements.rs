//! Statements that write many records.

use std::fmt::Write as _;

use db::{Bindings, Result, TenantTx};
use uuid::Uuid;

use crate::{ResourceHandle, StoredRecord, Values, model::KEPT};

/// Half of the parameters that PostgreSQL accepts per statement.
const VALUES: usize = 32_000;

impl ResourceHandle {
    /// Number of rows that fit into one statement.
    pub(super) fn rows_at_once(&self) -> usize {
        VALUES / (self.schema().fields.len() + 2)
    }

    pub(super) async fn insert_rows(
        &self,
        tx: &mut TenantTx,
        rows: impl Iterator<Item = (Uuid, &Values)>,
    ) -> Result<Vec<StoredRecord>> {
        let mut values = opened(tx);
        let mut list = String::new();
        for (id, new) in rows {
            values.bind(id);
            list.push_str(if list.is_empty() { "($1, $2, $2" } else { ", ($1, $2, $2" });
            self.place(&mut list, &mut values, 0, new)?;
        }
        let schema = self.schema();
        let text = format!(
            "insert into app.{} (account_id, created_by, updated_by, id, {}) values {list} returning {}",
            schema.table(),
            schema.own_columns,
            schema.columns
        );
        self.send(tx, text, values).await
    }

    /// Updates each row only if its version is unchanged.
    pub(super) async fn update_rows(
        &self,
        tx: &mut TenantTx,
        rows: impl Iterator<Item = (&StoredRecord, &Values)>,
    ) -> Result<Vec<StoredRecord>> {
        let mut values = opened(tx);
        let mut list = String::new();
        for (before, after) in rows {
            values.bind(before.id);
            values.bind(before.version);
            list.push_str(if list.is_empty() { "(" } else { ", (" });
            self.place(&mut list, &mut values, 1, after)?;
        }
        let schema = self.schema();
        let kept: Vec<_> = KEPT.iter().map(|name| format!("record.{name}")).collect();
        let text = format!(
            "update app.{} record set version = record.version + 1, updated_at = now(), updated_by = $2, {}
             from (values {list}) as new (id, seen, {})
             where record.account_id = $1 and record.id = new.id and record.version = new.seen and record.deleted_at is null
             returning {}, {}",
            schema.table(),
            schema.each_column(|name, _| format!("{name} = new.{name}")),
            schema.own_columns,
            kept.join(", "),
            schema.each_column(|name, _| format!("record.{name}"))
        );
        self.send(tx, text, values).await
    }

    pub(super) async fn remove_rows(&self, tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<Vec<StoredRecord>> {
        let schema = self.schema();
        let text = format!(
            "with found as (
                 select id from app.{0} where account_id = $1 and id = any($3) and deleted_at is null{1} order by id for update
             )
             update app.{0} set version = version + 1, deleted_at = now(), deleted_by = $2, updated_at = now(), updated_by = $2
             where account_id = $1 and id in (select id from found) returning {2}",
            schema.table(),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        let mut values = opened(tx);
        values.bind(ids);
        self.send(tx, text, values).await
    }

    /// Finds and locks the reachable records in the trash among `ids` until the transaction ends.
    pub(super) async fn lock_in_trash(&self, tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<StoredRecord>> {
        let schema = self.schema();
        let text = format!(
            "select {} from app.{} where account_id = $1 and id = any($2) and deleted_at is not null{} order by id for update",
            schema.columns,
            schema.table(),
            tx.scope().condition(&schema.access)
        );
        Ok(tx.generated(text).bind(ids).all_once().await?)
    }

    pub(super) async fn restore_rows(&self, tx: &mut TenantTx, ids: Vec<Uuid>) -> Result<Vec<StoredRecord>> {
        let schema = self.schema();
        let text = format!(
            "with found as (
                 select id from app.{0} where account_id = $1 and id = any($3) and deleted_at is not null{1} order by id for update
             )
             update app.{0} set version = version + 1, deleted_at = null, deleted_by = null, updated_at = now(), updated_by = $2
             where account_id = $1 and id in (select id from found) returning {2}",
            schema.table(),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        let mut values = opened(tx);
        values.bind(ids);
        self.send(tx, text, values).await
    }

    /// Appends the placeholders of a row to `list`: `more + 1` parameters that are bound already, and the fields.
    fn place(&self, list: &mut String, values: &mut Bindings, more: usize, row: &Values) -> Result<()> {
        let first = values.len() - more;
        self.rules.bind(row, values)?;
        for at in first..=values.len() {
            let comma = if list.ends_with('(') { "" } else { ", " };
            let _ = write!(list, "{comma}${at}"); // writing to a String cannot fail
        }
        list.push(')');
        Ok(())
    }

    /// Sends a statement whose text is unlikely to recur.
    async fn send(&self, tx: &mut TenantTx, text: String, values: Bindings) -> Result<Vec<StoredRecord>> {
        let statement = tx.generated_with(text, values);
        statement.all_once().await.map_err(|error| self.explain(error))
    }
}

/// Starts the parameters: `$1` is the account, `$2` the user.
fn opened(tx: &TenantTx) -> Bindings {
    let mut values = tx.bindings();
    values.bind(tx.user());
    values
}
