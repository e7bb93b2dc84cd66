use std::{borrow::Cow, marker::PhantomData};

use db::{PatchOf, Resource};
use kernel::Id;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};
use validator::Validate;

/// Many records in one request.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bulk {
    pub(super) operation: Operation,
    /// What each is, the operation tells.
    #[validate(length(min = 1, max = 500, message = "must have from 1 to 500 items"))]
    pub(super) items: Vec<Value>,
    #[serde(default = "yes")]
    pub(super) atomic: bool,
}

fn yes() -> bool {
    true
}

/// What is done to each of them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// The items are records.
    Create,
    /// Each item is an id, the version that was seen, and a merge patch.
    Update,
    /// Each item is an id and the version that was seen.
    Delete,
    /// Each item is an id.
    Restore,
}

/// A record to change.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, bound = "")]
pub(crate) struct Change<R> {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub(super) id: Id<R>,
    /// Its version as it was read.
    pub(super) version: i64,
    /// What changes: a merge patch.
    #[schema(value_type = Object)]
    pub(super) patch: Value,
}

/// A record to move to the trash.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, bound = "")]
pub(crate) struct Removal<R> {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub(super) id: Id<R>,
    /// Its version as it was read.
    pub(super) version: i64,
}

/// A record to take out of the trash.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, bound = "")]
pub(crate) struct Restoration<R> {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub(super) id: Id<R>,
}

/// [`Bulk`] of `R`, for the API document.
pub(crate) struct BulkOf<R>(PhantomData<fn() -> R>);

impl<R: Resource> PartialSchema for BulkOf<R> {
    fn schema() -> RefOr<Schema> {
        let update = with_patch(Change::<R>::schema(), Ref::from_schema_name(PatchOf::<R>::name()));
        OneOfBuilder::new()
            .item(batch("create", Ref::from_schema_name(R::name()).into()))
            .item(batch("update", update))
            .item(batch("delete", Removal::<R>::schema()))
            .item(batch("restore", Restoration::<R>::schema()))
            .into()
    }
}

/// A batch of this operation, whose items have this schema.
fn batch(operation: &str, item: RefOr<Schema>) -> ObjectBuilder {
    let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([operation]));
    let items = ArrayBuilder::new().items(item).min_items(Some(1)).max_items(Some(500));
    let atomic = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(true.into())).description(
        Some("All or nothing, which is the default. If false, each item has an answer of its own."),
    );
    ObjectBuilder::new()
        .title(Some(operation))
        .property("operation", word)
        .required("operation")
        .property("items", items)
        .required("items")
        .property("atomic", atomic)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

/// The schema of a change, with that of its patch.
fn with_patch(mut change: RefOr<Schema>, patch: Ref) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(change)) = &mut change {
        change.properties.insert("patch".to_owned(), patch.into());
    }
    change
}

impl<R: Resource> ToSchema for BulkOf<R> {
    fn name() -> Cow<'static, str> {
        format!("{}Bulk", R::name()).into()
    }
}
