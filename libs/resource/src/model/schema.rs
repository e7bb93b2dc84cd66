//! Schemas of resources in the API document: records in answers, and merge patches (RFC 7396).
//!
//! A resource's own struct describes a create request. An answer has additional members (identity, version, times,
//! expanded relations) and may lack some (`fields`, hidden fields, no read permission). In a patch every member is
//! optional.

use std::{borrow::Cow, marker::PhantomData};

use kernel::Id;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
        schema::{AdditionalProperties, Object, SchemaType, Type},
    },
};

use super::{Page, PageInfo, Record, RecordMetadata, Resource};

/// More members than any resource has: a patch of more is refused, because it names a field that does not exist.
const MAX_FIELDS: usize = 200;

/// Members of every answer, whatever the caller may see or has asked for.
const ALWAYS: [&str; 2] = ["id", "version"];

const RECORD: &str = "A record. `id` and `version` are always there; any other member is missing where the caller may not \
    see it, or where `fields` did not ask for it. What `expand` asked for is there in full, and null where it may not be read.";

const PATCH: &str =
    "A merge patch (RFC 7396): what is missing stays as it is; null clears a field, or gives it its default.";

/// A merge patch (RFC 7396) of whichever resource the operation is about.
#[must_use]
pub fn merge_patch() -> RefOr<Schema> {
    free_object(MAX_FIELDS, PATCH).into()
}

/// A merge patch that may be null.
#[must_use]
pub(crate) fn nullable_merge_patch() -> RefOr<Schema> {
    let patch = free_object(MAX_FIELDS, PATCH);
    patch.schema_type(SchemaType::from_iter([Type::Object, Type::Null])).into()
}

/// An array of `MIN` to `MAX` texts of 1 to `CHARS` characters.
#[must_use]
pub fn texts<const MIN: usize, const MAX: usize, const CHARS: usize>() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(CHARS));
    ArrayBuilder::new().items(text).min_items(Some(MIN)).max_items(Some(MAX)).into()
}

/// An array of `MIN` to 100 permissions.
#[must_use]
pub fn permissions<const MIN: usize>() -> RefOr<Schema> {
    match texts::<MIN, 100, 100>() {
        RefOr::T(Schema::Array(mut array)) => {
            array.examples = vec![json!(["client:read", "client:write@own"])];
            Schema::Array(array).into()
        }
        other => other,
    }
}

pub(crate) fn free_object(max_members: usize, description: &str) -> ObjectBuilder {
    let object = ObjectBuilder::new().description(Some(description)).max_properties(Some(max_members));
    object.additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// The schema of a record in answers.
fn record<R: Resource>() -> RefOr<Schema> {
    let mut record = ObjectBuilder::new()
        .description(Some(RECORD))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .property("id", Id::<R>::schema())
        .build();
    for part in [object(R::schema()), object(RecordMetadata::schema())] {
        let answered = part.properties.into_iter().map(|(name, schema)| (name, without_default(schema)));
        record.properties.extend(answered);
    }
    for related in R::RELATIONS {
        let name = (related.schema_name)();
        record.properties.insert(related.name.to_owned(), or_null(Ref::from_schema_name(name)));
    }
    record.required = ALWAYS.map(ToOwned::to_owned).to_vec();
    Schema::Object(record).into()
}

// Implemented by hand: a derived name would be the same for every `T`.
impl<T: Resource> PartialSchema for Record<T> {
    fn schema() -> RefOr<Schema> {
        record::<T>()
    }
}

impl<T: Resource> ToSchema for Record<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Record", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: Resource> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let data = ArrayBuilder::new().items(Ref::from_schema_name(Record::<T>::name()));
        let page = ObjectBuilder::new().property("data", data).required("data");
        page.property("page", Ref::from_schema_name(PageInfo::name())).required("page").into()
    }
}

impl<T: Resource> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend([
            (Record::<T>::name().into(), Record::<T>::schema()),
            (PageInfo::name().into(), PageInfo::schema()),
        ]);
        Record::<T>::schemas(schemas);
    }
}

/// Schema of a merge patch of an `R`, for the API document.
pub struct PatchOf<R>(PhantomData<fn() -> R>);

impl<R: Resource> PartialSchema for PatchOf<R> {
    fn schema() -> RefOr<Schema> {
        patch(R::schema())
    }
}

/// The merge patch of what `whole` describes: every member is optional, and null where a record can lack it.
#[must_use]
pub fn patch(whole: RefOr<Schema>) -> RefOr<Schema> {
    let mut patch = object(whole);
    let required = std::mem::take(&mut patch.required);
    patch.description = Some(PATCH.to_owned());
    for (name, schema) in &mut patch.properties {
        *schema = without_default(schema.clone());
        // A field that a record can lack is one that null removes.
        if !required.contains(name) && !is_nullable(schema) {
            *schema = or_null(schema.clone());
        }
    }
    Schema::Object(patch).into()
}

impl<R: Resource> ToSchema for PatchOf<R> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", R::name()).into()
    }
}

/// Object schema of a struct; empty if the schema is not an object.
fn object(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

fn or_null(schema: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
    OneOfBuilder::new().item(schema.into()).item(null).into()
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_nullable),
        _ => false,
    }
}

fn is_null(schema_type: &SchemaType) -> bool {
    match schema_type {
        SchemaType::Type(known) => *known == Type::Null,
        SchemaType::Array(several) => several.contains(&Type::Null),
        SchemaType::AnyValue => true,
    }
}

/// Removes the default: only a create request has defaults, and client generators would also apply them to answers
/// and patches.
fn without_default(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    match &mut schema {
        RefOr::T(Schema::Object(object)) => object.default = None,
        RefOr::T(Schema::Array(array)) => array.default = None,
        RefOr::T(Schema::OneOf(one)) => one.default = None,
        _ => {}
    }
    schema
}
