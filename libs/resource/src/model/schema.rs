//! Description of a type of record as a value, which the engine asks instead of the type.

use std::{
    any::TypeId,
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use db::AccessTarget;
use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, schema::Object};

use super::{
    FieldSchema, Resource,
    column::{COMMON, KEPT},
    facts::{defaults, facts, object_schema},
};

/// What a type of record is: its names, fields and relations.
pub struct Schema {
    /// Access control: name in permissions, table, owner and subjects.
    pub access: AccessTarget,
    /// Path under `/api/v1`.
    pub path: &'static str,
    /// First part of its event topics.
    pub event_prefix: &'static str,
    /// Writable fields, in their order.
    pub fields: Vec<Arc<FieldSchema>>,
    /// Fields that `q=` searches; empty if the records are not searchable.
    pub search_fields: &'static [&'static str],
    /// Relations to other records.
    pub relations: Vec<Related>,
    /// Name of a new record in the API document, of which those of its other forms are made.
    pub type_name: String,
    /// Form of a new record, as in the API document.
    pub(crate) form: Object,
    /// Schemas that `form` refers to, with their names.
    pub(crate) parts: Vec<(String, RefOr<utoipa::openapi::Schema>)>,
    /// Values of fields that a new record does not name.
    pub defaults: Map<String, Value>,
    /// Names of the own columns, for a select or insert.
    pub(crate) own_columns: String,
    /// Names of all columns of a record: [`KEPT`], and the own ones.
    pub(crate) columns: String,
}

/// Descriptions of the types that are known at compile time. They are never freed, and there are as many as types.
static KNOWN: LazyLock<RwLock<HashMap<TypeId, &'static Arc<Schema>>>> = LazyLock::new(RwLock::default);

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("access", &self.access)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl Schema {
    /// Description of the records of `R`.
    #[must_use]
    pub fn of<R: Resource>() -> &'static Arc<Self> {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&TypeId::of::<R>()).copied();
        known.unwrap_or_else(|| {
            let made: &'static Arc<Self> = Box::leak(Box::new(Arc::new(Self::fold::<R>())));
            KNOWN.write().unwrap_or_else(PoisonError::into_inner).entry(TypeId::of::<R>()).or_insert(made)
        })
    }

    /// Folds the constants of `R` into a value.
    fn fold<R: Resource>() -> Self {
        let own_columns = R::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        let fields: Vec<_> = R::FIELDS.iter().map(|field| Arc::new(FieldSchema::of(field))).collect();
        let (form, mut parts) = (object_schema(R::schema()), Vec::new());
        R::schemas(&mut parts);
        Self {
            access: R::ACCESS,
            path: R::PATH,
            event_prefix: R::EVENT_PREFIX,
            defaults: defaults::<R>(&form, &parts, &fields),
            fields,
            search_fields: R::SEARCH_FIELDS,
            relations: R::RELATIONS.to_vec(),
            type_name: R::name().into_owned(),
            form,
            parts,
            columns: format!("{}, {own_columns}", KEPT.join(", ")),
            own_columns,
        }
    }

    /// Name in permissions, such as `supplier`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.access.name
    }

    /// Name of the table in schema `app`.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.access.table
    }

    /// The writable field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Arc<FieldSchema>> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Greatest number of characters of the field, if it has such a limit.
    #[must_use]
    pub fn max_length(&self, name: &str) -> Option<u64> {
        facts(&self.form, &self.parts, name).get("maxLength").and_then(Value::as_u64)
    }

    /// Whether a new record must name the field.
    #[must_use]
    pub fn is_needed(&self, name: &str) -> bool {
        self.form.required.iter().any(|needed| needed == name)
    }

    /// The field with this name that filters and sort orders can use, a common one included.
    pub(crate) fn comparable(&self, name: &str) -> Option<&Arc<FieldSchema>> {
        let own = self.fields.iter().filter(|field| field.kind.is_comparable());
        own.chain(COMMON.iter()).find(|field| field.name == name)
    }

    /// Joins what `part` makes of each own column and its position.
    pub(crate) fn each_column(&self, part: impl Fn(&str, usize) -> String) -> String {
        let parts: Vec<_> = self.fields.iter().enumerate().map(|(at, field)| part(field.name, at)).collect();
        parts.join(", ")
    }

    /// Topic of the event of an action, such as `crm.supplier.changed`.
    #[must_use]
    pub fn topic(&self, action: &str) -> String {
        format!("{}.{}.{action}", self.event_prefix, self.name())
    }
}

/// A relation: a column of a record that holds the id of another record.
#[derive(Clone, Copy)]
pub struct Related {
    /// Name in filters and in `expand`.
    pub(crate) name: &'static str,
    /// Referencing column of the record.
    pub(crate) column: &'static str,
    /// Access control of the related records.
    pub(crate) access: AccessTarget,
    /// Fields of the record that are validated together with the related record.
    pub(crate) judged: &'static [&'static str],
    /// Description of the related records. A function, since two types may refer to each other.
    pub(crate) target: fn() -> &'static Arc<Schema>,
}

impl Related {
    /// A relation to a `T` whose id the column holds.
    #[must_use]
    pub const fn new<T: Resource>(name: &'static str, column: &'static str) -> Self {
        Self { name, column, access: T::ACCESS, judged: &[], target: Schema::of::<T> }
    }

    /// Declares `fields` that are validated against other records with the same reference. A refusal would
    /// disclose those records, so changing these fields requires permission to read the related record, even if
    /// the reference is unchanged.
    #[must_use]
    pub const fn judging(self, fields: &'static [&'static str]) -> Self {
        Self { judged: fields, ..self }
    }

    /// Name of the relation in filters and in `expand`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Column that holds the id of the related record.
    #[must_use]
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// Fields that are validated together with the related record.
    #[must_use]
    pub const fn judged(&self) -> &'static [&'static str] {
        self.judged
    }

    /// Resource name of the related record in permissions.
    #[must_use]
    pub const fn resource(&self) -> &'static str {
        self.access.name
    }

    /// Table of the related records.
    #[must_use]
    pub const fn plural(&self) -> &'static str {
        self.access.table
    }
}

impl fmt::Debug for Related {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Related").field(&self.name).finish()
    }
}

impl PartialEq for Related {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.column) == (other.name, other.column)
    }
}
