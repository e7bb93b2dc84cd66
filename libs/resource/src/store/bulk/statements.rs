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
        let mut bound = Vec::new();
        for (id, new) in rows {
            let mut row = Bindings::default();
            row.bind(id);
            self.rules.bind(new, &mut row)?;
            bound.push(row);
        }
        let schema = self.schema();
        let source = RowSource::new(opened(tx), bound, schema.fields.len() + 1);
        let text = format!(
            "insert into app.{} (account_id, created_by, updated_by, id, {1}) select $1, $2, $2, new.id, {2}
             from {3} as new (id, {1}) returning {4}",
            schema.table(),
            schema.own_columns,
            schema.each_column(|name, _| format!("new.{name}")),
            source.text,
            schema.columns
        );
        if !source.is_constant {
            return self.send(tx, text, source.values).await;
        }
        let statement = tx.generated_with(text, source.values);
        statement.all().await.map_err(|error| self.explain(error))
    }

    /// Updates each row only if its version is unchanged.
    pub(super) async fn update_rows(
        &self,
        tx: &mut TenantTx,
        rows: impl Iterator<Item = (&StoredRecord, &Values)>,
    ) -> Result<Vec<StoredRecord>> {
        let mut bound = Vec::new();
        for (before, after) in rows {
            let mut row = Bindings::default();
            row.bind(before.id);
            row.bind(before.version);
            self.rules.bind(after, &mut row)?;
            bound.push(row);
        }
        let schema = self.schema();
        let source = RowSource::new(opened(tx), bound, schema.fields.len() + 2);
        let kept: Vec<_> = KEPT.iter().map(|name| format!("record.{name}")).collect();
        let text = format!(
            "update app.{} record set version = record.version + 1, updated_at = now(), updated_by = $2, {}
             from {} as new (id, seen, {})
             where record.account_id = $1 and record.id = new.id and record.version = new.seen and record.deleted_at is null
             returning {}, {}",
            schema.table(),
            schema.each_column(|name, _| format!("{name} = new.{name}")),
            source.text,
            schema.own_columns,
            kept.join(", "),
            schema.each_column(|name, _| format!("record.{name}"))
        );
        // Not prepared: a cached generic plan does not know the number of rows, and might scan all records of the account.
        self.send(tx, text, source.values).await
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

    /// Sends a statement that is not kept prepared: its plan depends on the values, or its text is unlikely to recur.
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

/// Rows that a statement reads, as an item of its `from`.
struct RowSource {
    text: String,
    values: Bindings,
    /// Whether the text is the same for any number of rows.
    is_constant: bool,
}

impl RowSource {
    /// Binds the rows after `values`: an array for each column, so that the text is short and stays prepared; or each value
    /// by itself, where a column has no arrays of one dimension, such as one of lists.
    fn new(mut values: Bindings, rows: Vec<Bindings>, columns: usize) -> Self {
        let first = values.len() + 1;
        if values.bind_columns(&rows) {
            let arrays: Vec<String> = (first..first + columns).map(|at| format!("${at}")).collect();
            return Self { text: format!("unnest({})", arrays.join(", ")), values, is_constant: true };
        }
        let mut text = String::from("(values ");
        for (at, row) in rows.into_iter().enumerate() {
            text.push_str(if at == 0 { "(" } else { ", (" });
            let next = values.len() + 1;
            values.append(row);
            for column in next..=values.len() {
                let comma = if column == next { "" } else { ", " };
                let _ = write!(text, "{comma}${column}"); // writing to a String cannot fail
            }
            text.push(')');
        }
        text.push(')');
        Self { text, values, is_constant: false }
    }
}
