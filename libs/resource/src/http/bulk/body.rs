use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, Discriminator, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};
use uuid::Uuid;
use validator::Validate;

use crate::Schema as RecordSchema;

/// A bulk request: one operation on many records.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bulk {
    pub(super) operation: Operation,
    /// Items of the operation, 1 to 500; their form depends on `operation`.
    #[validate(length(min = 1, max = 500, message = "must have from 1 to 500 items"))]
    pub(super) items: Vec<Value>,
    #[serde(default = "yes")]
    pub(super) atomic: bool,
}

fn yes() -> bool {
    true
}

/// Operation to perform on each item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Creates a record; each item is a new record.
    Create,
    /// Updates a record; each item has an id, the version last read, and a merge patch.
    Update,
    /// Moves a record to the trash; each item has an id and the version last read.
    Delete,
    /// Restores a record from the trash; each item has an id.
    Restore,
}

/// An update of one record in a bulk request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Identifier of the record.
    pub(super) id: Uuid,
    /// Version of the record as last read.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_i64)]
    pub(super) version: i64,
    /// Changes as a merge patch (RFC 7396).
    #[schema(schema_with = crate::merge_patch_schema)]
    pub(super) patch: Value,
}

/// A move of one record to the trash, in a bulk request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removal {
    /// Identifier of the record.
    pub(super) id: Uuid,
    /// Version of the record as last read.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_i64)]
    pub(super) version: i64,
}

/// A restore of one record from the trash, in a bulk request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restoration {
    /// Identifier of the record.
    pub(super) id: Uuid,
}

/// Name of the schema of a bulk request, in the API document.
pub(crate) fn request_name(of: &RecordSchema) -> String {
    format!("{}Bulk", of.type_name)
}

/// Schema of a bulk request.
pub(crate) fn request(of: &RecordSchema) -> RefOr<Schema> {
    let one = |word: &str| Ref::from_schema_name(part_name(of, word));
    OneOfBuilder::new()
        .item(one("Create"))
        .item(one("Update"))
        .item(one("Delete"))
        .item(one("Restore"))
        .discriminator(Some(Discriminator::with_mapping(
            "operation",
            ["Create", "Update", "Delete", "Restore"]
                .map(|word| (word.to_lowercase(), one(word).ref_location)),
        )))
        .into()
}

/// The schemas that [`request`] refers to, by their names. Generators of clients need one name for each.
pub(crate) fn request_parts(of: &RecordSchema) -> Vec<(String, RefOr<Schema>)> {
    let name = |word: &str| part_name(of, word);
    let item = |word: &str| Ref::from_schema_name(name(word));
    let update = with_patch(Change::schema(), Ref::from_schema_name(of.patch_name()));
    vec![
        (name("Create"), batch("create", Ref::from_schema_name(&of.type_name)).into()),
        (name("Update"), batch("update", item("UpdateItem")).into()),
        (name("UpdateItem"), update),
        (name("Delete"), batch("delete", Ref::from_schema_name("BulkDeleteItem")).into()),
        ("BulkDeleteItem".to_owned(), Removal::schema()),
        (name("Restore"), batch("restore", Ref::from_schema_name("BulkRestoreItem")).into()),
        ("BulkRestoreItem".to_owned(), Restoration::schema()),
    ]
}

fn part_name(of: &RecordSchema, word: &str) -> String {
    format!("{}Bulk{word}", of.type_name)
}

/// A batch of this operation, whose items have this schema.
fn batch(operation: &str, item: Ref) -> ObjectBuilder {
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([operation]));
    let items = ArrayBuilder::new().items(item).min_items(Some(1)).max_items(Some(500));
    let atomic = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(true.into())).description(
        Some("All or nothing, which is the default. If false, each item has an answer of its own."),
    );
    ObjectBuilder::new()
        .property("operation", word)
        .required("operation")
        .property("items", items)
        .required("items")
        .property("atomic", atomic)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// Sets the schema of `patch` in the schema of an update.
fn with_patch(mut change: RefOr<Schema>, patch: Ref) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(change)) = &mut change {
        change.properties.insert("patch".to_owned(), patch.into());
    }
    change
}
