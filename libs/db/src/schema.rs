//! What the API document says of a resource: its records in answers, and its merge patches (RFC 7396).
//!
//! A resource's own struct describes what a request creates. An answer has more (identity, version, times, what was
//! expanded) and may have less (`fields`, hidden fields, no permission to read), and a patch needs none of it.

use std::{borrow::Cow, marker::PhantomData};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema,
        schema::{AdditionalProperties, Object, SchemaType, Type},
    },
};

use kernel::Id;

use crate::{Kept, Resource};

/// What stays in every answer, whatever its reader may see or has asked for.
const ALWAYS: [&str; 2] = ["id", "version"];

const RECORD: &str = "A record. `id` and `version` are always there; any other member is missing where the caller may not \
    see it, or where `fields` did not ask for it. What `expand` asked for is there in full, and null where it may not be read.";

const PATCH: &str =
    "A merge patch (RFC 7396): what is missing stays as it is; null clears a field, or gives it its default.";

/// The schema of a record in answers.
pub(crate) fn record<R: Resource>() -> RefOr<Schema> {
    let mut record = ObjectBuilder::new()
        .description(Some(RECORD))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .property("id", Id::<R>::schema())
        .build();
    for part in [object(R::schema()), object(Kept::schema())] {
        let answered = part.properties.into_iter().map(|(name, schema)| (name, without_default(schema)));
        record.properties.extend(answered);
    }
    for related in R::RELATED {
        let name = (related.schema_name)();
        record.properties.insert(related.name.to_owned(), or_null(Ref::from_schema_name(name)));
    }
    record.required = ALWAYS.map(ToOwned::to_owned).to_vec();
    Schema::Object(record).into()
}

/// A merge patch of an `R`, for the API document.
pub struct PatchOf<R>(PhantomData<fn() -> R>);

impl<R: Resource> PartialSchema for PatchOf<R> {
    fn schema() -> RefOr<Schema> {
        let mut patch = object(R::schema());
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
}

impl<R: Resource> ToSchema for PatchOf<R> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", R::name()).into()
    }
}

/// The members of a struct, whatever else its schema says.
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

/// A default says what the server fills in. Where nothing is filled in, generators take it for a promise.
fn without_default(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    match &mut schema {
        RefOr::T(Schema::Object(object)) => object.default = None,
        RefOr::T(Schema::Array(array)) => array.default = None,
        RefOr::T(Schema::OneOf(one)) => one.default = None,
        _ => {}
    }
    schema
}
