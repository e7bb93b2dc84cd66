//! Types of record as values: what the engine works on.

use std::{fmt, sync::Arc};

use db::HiddenFields;
use identity::{Permissions, Scope};
use serde_json::Value;
use web::{MergePatch, Violation};

use super::{
    Resource, Schema, StoredRecord, Values,
    rules::{Rules, Typed},
};

/// A type of record: its description and its rules. The engine stores, lists and serves records by it.
#[derive(Clone)]
pub struct ResourceHandle {
    schema: Arc<Schema>,
    pub(crate) rules: &'static dyn Rules,
}

impl ResourceHandle {
    /// The handle of `R`.
    #[must_use]
    pub fn of<R: Resource>() -> Self {
        Self { schema: Arc::clone(Schema::of::<R>()), rules: Typed::<R>::RULES }
    }

    /// Description of the records.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Deserializes and validates a whole record.
    pub fn parse(&self, record: Value) -> web::Result<Values> {
        self.rules.parse(record)
    }

    /// Reads a record that was stored before, without the rules of form that may be newer.
    pub(crate) fn read_stored(&self, record: Value) -> db::Result<Values> {
        self.rules.read_stored(record)
    }

    /// Applies a merge patch to a stored record; the result is validated like a complete body.
    pub fn patched(&self, before: &StoredRecord, patch: MergePatch) -> web::Result<Values> {
        self.parse(patch.merge_into(Value::Object(before.fields()?)))
    }

    /// What is wrong with a record that consists of this value.
    #[must_use]
    pub fn violations(&self, record: Value) -> Vec<Violation> {
        match self.parse(record) {
            Err(web::Error::Invalid(violations)) => violations,
            _ => Vec::new(),
        }
    }

    /// Fields that a caller with these permissions may not see.
    #[must_use]
    pub fn hidden(&self, permissions: &Permissions) -> HiddenFields {
        HiddenFields::named(self.schema.name(), permissions)
    }

    /// Whether a caller with these permissions sees every record and every field.
    #[must_use]
    pub fn is_seen_whole(&self, permissions: &Permissions) -> bool {
        let whole = permissions.scope(self.schema.name(), "read") == Some(Scope::All);
        whole && self.hidden(permissions).is_empty()
    }
}

impl fmt::Debug for ResourceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceHandle").field(&self.schema.name()).finish()
    }
}
