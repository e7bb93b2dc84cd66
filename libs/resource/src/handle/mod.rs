//! Resources as values: what the engine does with records of any type, without the type.

mod undo;
mod write;

use std::{collections::HashMap, pin::Pin};

use db::{AccessTarget, HiddenFields, TenantTx};
use identity::{Permissions, Scope};
use serde_json::Value;
use uuid::Uuid;
use web::Violation;

pub use undo::{KeptReason, UndoItem, Undone};
pub use write::{ReadyRow, RowAction, RowOutcome, WrittenRow};

use crate::{KeyPart, Kind, Purpose, Related, Resource};

type Answer<'t, T> = Pin<Box<dyn Future<Output = db::Result<T>> + Send + 't>>;
type Find = for<'t> fn(&'t mut TenantTx, &'t [KeyPart], &'t [Vec<String>], Purpose) -> Answer<'t, KeyMatches>;
type Revert = for<'t> fn(&'t mut TenantTx, Vec<UndoItem>) -> Answer<'t, Vec<Undone>>;

/// Ids of the records that have a natural key: one, or two if the key is ambiguous.
pub type KeyMatches = HashMap<Vec<String>, Vec<Uuid>>;

/// A field of a resource: its name in SQL and JSON, and the kind of its values.
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    /// Name of the column and of the JSON member.
    pub name: &'static str,
    /// Kind of the values.
    pub kind: Kind,
}

/// A [`Resource`] as a value.
pub struct ResourceHandle {
    /// Access control: name in permissions, table, owner and subjects.
    pub access: AccessTarget,
    /// Relations to other records.
    pub relations: &'static [Related],
    fields: fn() -> Vec<FieldInfo>,
    key: fn(&str) -> Option<KeyPart>,
    violations: fn(Value) -> Vec<Violation>,
    find: Find,
    write: for<'t> fn(&'t mut TenantTx, Vec<ReadyRow>) -> Answer<'t, Vec<RowOutcome>>,
    remove: Revert,
    put_back: Revert,
}

impl ResourceHandle {
    /// The handle of `R`.
    #[must_use]
    pub const fn new<R: Resource>() -> Self {
        Self {
            access: R::ACCESS,
            relations: R::RELATIONS,
            fields: || {
                R::FIELDS.iter().map(|field| FieldInfo { name: field.name(), kind: field.kind() }).collect()
            },
            key: KeyPart::parse::<R>,
            violations: |record| match web::parse_json::<R>(record) {
                Err(web::Error::Invalid(violations)) => violations,
                _ => Vec::new(),
            },
            find: |tx, key, wanted, purpose| Box::pin(find::<R>(tx, key, wanted, purpose)),
            write: |tx, rows| Box::pin(write::write::<R>(tx, rows)),
            remove: |tx, items| Box::pin(undo::remove::<R>(tx, items)),
            put_back: |tx, items| Box::pin(undo::put_back::<R>(tx, items)),
        }
    }

    /// Writable fields of the resource, in their order.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldInfo> {
        (self.fields)()
    }

    /// Fields that a caller with these permissions may not see.
    #[must_use]
    pub fn hidden(&self, permissions: &Permissions) -> HiddenFields {
        HiddenFields::named(self.access.name, permissions)
    }

    /// Whether a caller with these permissions sees every record and every field.
    #[must_use]
    pub fn is_seen_whole(&self, permissions: &Permissions) -> bool {
        permissions.scope(self.access.name, "read") == Some(Scope::All) && self.hidden(permissions).is_empty()
    }

    /// Parses a part of a natural key; see [`KeyPart::parse`].
    #[must_use]
    pub fn key(&self, written: &str) -> Option<KeyPart> {
        (self.key)(written)
    }

    /// Validates a record that consists of this value.
    #[must_use]
    pub fn violations(&self, record: Value) -> Vec<Violation> {
        (self.violations)(record)
    }

    /// Finds records by natural key; see [`find_by_key`](crate::find_by_key).
    pub async fn find(
        &self,
        tx: &mut TenantTx,
        key: &[KeyPart],
        wanted: &[Vec<String>],
        purpose: Purpose,
    ) -> db::Result<KeyMatches> {
        (self.find)(tx, key, wanted, purpose).await
    }

    /// Writes all rows that can be written; one outcome per row. A record must occur in one row only.
    pub async fn write(&self, tx: &mut TenantTx, rows: Vec<ReadyRow>) -> db::Result<Vec<RowOutcome>> {
        (self.write)(tx, rows).await
    }

    /// Moves records to the trash that rows created, unless they were changed since.
    pub async fn remove(&self, tx: &mut TenantTx, items: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
        (self.remove)(tx, items).await
    }

    /// Restores the fields of records that rows updated, unless they were changed since.
    pub async fn put_back(&self, tx: &mut TenantTx, items: Vec<UndoItem>) -> db::Result<Vec<Undone>> {
        (self.put_back)(tx, items).await
    }
}

impl std::fmt::Debug for ResourceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ResourceHandle").field(&self.access.name).finish()
    }
}

async fn find<R: Resource>(
    tx: &mut TenantTx,
    key: &[KeyPart],
    wanted: &[Vec<String>],
    purpose: Purpose,
) -> db::Result<KeyMatches> {
    let found = crate::find_by_key::<R>(tx, key, wanted, purpose).await?;
    Ok(found.into_iter().map(|(key, ids)| (key, ids.into_iter().map(Uuid::from).collect())).collect())
}
