//! Statements of a single record: insert, find, update, delete and restore, for all types of record.
//!
//! They serve resources that consist of one table.

mod bulk;
mod history;
mod matching;
mod purge;
mod refer;

pub use bulk::{BulkWrite, Insert, Restore, SoftDelete, Update};
pub use matching::{KeyMatches, KeyPart, Purpose};
pub use purge::{AboutTable, purge_about};

use std::collections::HashSet;

use db::{AccessTarget, Change, Error, Result, SqlError, TenantTx};
use kernel::Id;
use serde_json::Value;
use uuid::Uuid;

use crate::{ResourceHandle, StoredRecord, Values};

impl ResourceHandle {
    /// Inserts a new record and audits it.
    pub async fn insert(&self, tx: &mut TenantTx, new: Values) -> Result<StoredRecord> {
        let new = self.with_default_owner(tx, new)?;
        self.rules.check(None, &new)?;
        self.check_references(tx, [(None, &new)].into_iter()).await?;
        self.rules.validate_references(tx, &[&new]).await?;
        let schema = self.schema();
        let text = format!(
            "insert into app.{} (account_id, id, created_by, updated_by, {}) values ($1, $2, $3, $3, {})
             returning {}",
            schema.table(),
            schema.own_columns,
            schema.each_column(|_, at| format!("${}", at + 4)),
            schema.columns
        );
        let mut values = tx.bindings();
        values.bind(Id::<()>::new());
        values.bind(tx.user());
        self.rules.bind(&new, &mut values)?;
        let record = tx.generated_with::<StoredRecord>(text, values).optional().await;
        let record = record.map_err(|error| self.explain(error))?.ok_or_else(|| self.not_found())?;
        tx.ensure_in_scope(&schema.access, record.id).await?;
        tx.audit(self.change("created", None, &record)?);
        Ok(record)
    }

    /// Updates a record from `before` to `after`; fails with [`Error::Stale`] if it was changed since it was read.
    pub async fn update(
        &self,
        tx: &mut TenantTx,
        before: &StoredRecord,
        after: &Values,
    ) -> Result<StoredRecord> {
        self.rules.check(Some(before), after)?;
        self.check_references(tx, [(Some(before), after)].into_iter()).await?;
        self.rules.validate_references(tx, &[after]).await?;
        let schema = self.schema();
        let text = format!(
            "update app.{} set version = version + 1, updated_at = now(), updated_by = $4, {}
             where account_id = $1 and id = $2 and version = $3 and deleted_at is null{} returning {}",
            schema.table(),
            schema.each_column(|name, at| format!("{name} = ${}", at + 5)),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        let mut values = tx.bindings();
        values.bind(before.id);
        values.bind(before.version);
        values.bind(tx.user());
        self.rules.bind(after, &mut values)?;
        let record = tx.generated_with::<StoredRecord>(text, values).optional().await;
        let record = record.map_err(|error| self.explain(error))?.ok_or_else(|| self.stale())?;
        tx.ensure_in_scope(&schema.access, record.id).await?;
        tx.audit(self.change("changed", Some(before), &record)?);
        Ok(record)
    }

    /// Finds a live record in scope; otherwise [`Error::NotFound`].
    pub async fn find(&self, tx: &mut TenantTx, id: Uuid) -> Result<StoredRecord> {
        let schema = self.schema();
        let text = format!(
            "select {} from app.{} where account_id = $1 and id = $2 and deleted_at is null{}",
            schema.columns,
            schema.table(),
            tx.scope().condition(&schema.access)
        );
        tx.generated(text).bind(id).optional().await?.ok_or_else(|| self.not_found())
    }

    /// Increments a record's version, for a change of dependent data that is not among its fields. The caller audits
    /// that change.
    pub async fn bump_version(&self, tx: &mut TenantTx, before: &StoredRecord) -> Result<StoredRecord> {
        let schema = self.schema();
        let text = format!(
            "update app.{} set version = version + 1, updated_at = now(), updated_by = $4
             where account_id = $1 and id = $2 and version = $3 and deleted_at is null{} returning {}",
            schema.table(),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        let user = tx.user();
        let statement = tx.generated(text).bind(before.id).bind(before.version).bind(user);
        statement.optional().await?.ok_or_else(|| self.stale())
    }

    /// Moves a record to the trash. Locks it `for update` first: see `refer`.
    pub async fn soft_delete(&self, tx: &mut TenantTx, before: &StoredRecord) -> Result<StoredRecord> {
        let schema = self.schema();
        let text = format!(
            "with found as (
                 select id from app.{0} where account_id = $1 and id = $2 and version = $3 and deleted_at is null{1} for update
             )
             update app.{0} set version = version + 1, deleted_at = now(), deleted_by = $4, updated_at = now(), updated_by = $4
             where account_id = $1 and id in (select id from found) returning {2}",
            schema.table(),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        let user = tx.user();
        let statement = tx.generated(text).bind(before.id).bind(before.version).bind(user);
        let record: Option<StoredRecord> = statement.optional().await.map_err(|error| self.explain(error))?;
        let record = record.ok_or_else(|| self.stale())?;
        tx.audit(self.change("removed", Some(before), &record)?);
        Ok(record)
    }

    /// Restores a record from the trash. Fails if it does not exist, is not in the trash, or refers to a record that
    /// the caller may not read.
    pub async fn restore(&self, tx: &mut TenantTx, id: Uuid) -> Result<StoredRecord> {
        let schema = self.schema();
        let text = format!(
            "update app.{} set version = version + 1, deleted_at = null, deleted_by = null, updated_at = now(), updated_by = $3
             where account_id = $1 and id = $2 and deleted_at is not null{} returning {}",
            schema.table(),
            tx.scope().condition(&schema.access),
            schema.columns
        );
        if self.may_miss(tx) {
            let gone = self.find_to_restore(tx, id).await?;
            self.recheck_references(tx, std::iter::once(&gone)).await?;
        }
        let user = tx.user();
        let record = tx.generated::<StoredRecord>(text).bind(id).bind(user).optional().await;
        let Some(record) = record.map_err(|error| self.explain(error))? else {
            return Err(self.not_in_trash(tx, id).await);
        };
        tx.audit(self.change("restored", None, &record)?);
        Ok(record)
    }

    /// Without full scope, the transaction's user becomes the owner of a new record that has none.
    fn with_default_owner(&self, tx: &TenantTx, new: Values) -> Result<Values> {
        if tx.scope().is_everyones(&self.schema().access) {
            return Ok(new);
        }
        self.rules.set_default_owner(&new, tx.user())
    }

    /// Change of a record for the audit log and its event.
    fn change(
        &self,
        action: &'static str,
        before: Option<&StoredRecord>,
        after: &StoredRecord,
    ) -> Result<Change> {
        let (schema, before) = (self.schema(), before.map(StoredRecord::fields).transpose()?);
        let (before, fields) = (before.map(Value::Object), Value::Object(after.fields()?));
        let change = Change::between(schema.topic(action), schema.name(), action, before.as_ref(), fields);
        Ok(change.for_record(after.id).at(after.version))
    }

    /// Maps a violated constraint to the refusal that the resource defines for it; other errors stay database errors.
    fn explain(&self, error: SqlError) -> Error {
        let refusal = error.constraint().and_then(|name| self.rules.constraint(name));
        refusal.unwrap_or_else(|| error.into())
    }

    fn not_found(&self) -> Error {
        Error::NotFound(self.schema().name())
    }

    fn stale(&self) -> Error {
        Error::Stale(self.schema().name())
    }
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
