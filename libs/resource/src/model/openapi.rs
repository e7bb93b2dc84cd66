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
        schema::{AdditionalProperties, SchemaType, Type},
    },
};

use super::{PageInfo, RecordMetadata, Resource, Schema as RecordSchema, facts::object_schema};

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

/// Schemas of the forms that records of a type have in answers and requests, with their names.
impl RecordSchema {
    /// Name of the schema of a stored record.
    pub(crate) fn record_name(&self) -> String {
        format!("{}Record", self.type_name)
    }

    /// Name of the schema of a page.
    pub(crate) fn page_name(&self) -> String {
        format!("{}Page", self.type_name)
    }

    /// Name of the schema of a merge patch.
    pub(crate) fn patch_name(&self) -> String {
        format!("{}Patch", self.type_name)
    }

    /// Schema of a record in answers.
    pub(crate) fn record(&self) -> RefOr<Schema> {
        let mut record = ObjectBuilder::new()
            .description(Some(RECORD))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .property("id", Id::<()>::schema())
            .build();
        for part in [self.form.clone(), object_schema(RecordMetadata::schema())] {
            let answered = part.properties.into_iter().map(|(name, schema)| (name, without_default(schema)));
            record.properties.extend(answered);
        }
        for related in &self.relations {
            let name = (related.target)().record_name();
            record.properties.insert(related.name.to_owned(), or_null(Ref::from_schema_name(name)));
        }
        record.required = ALWAYS.map(ToOwned::to_owned).to_vec();
        Schema::Object(record).into()
    }

    /// Schema of a page of a list.
    pub(crate) fn page(&self) -> RefOr<Schema> {
        let data = ArrayBuilder::new().items(Ref::from_schema_name(self.record_name()));
        let page = ObjectBuilder::new().property("data", data).required("data");
        page.property("page", Ref::from_schema_name(PageInfo::name())).required("page").into()
    }

    /// Schema of a merge patch.
    pub(crate) fn patch(&self) -> RefOr<Schema> {
        patch(Schema::Object(self.form.clone()).into())
    }

    /// All these schemas, and those they refer to.
    pub(crate) fn documented(&self) -> Vec<(String, RefOr<Schema>)> {
        let own = [
            (self.type_name.clone(), Schema::Object(self.form.clone()).into()),
            (self.record_name(), self.record()),
            (self.page_name(), self.page()),
            (self.patch_name(), self.patch()),
            (PageInfo::name().into(), PageInfo::schema()),
        ];
        own.into_iter().chain(self.parts.iter().cloned()).collect()
    }
}

/// Documents a stored record of `R`.
pub struct RecordOf<R>(PhantomData<fn() -> R>);

/// Documents a page of records of `R`.
pub struct PageOf<R>(PhantomData<fn() -> R>);

/// Documents a merge patch of an `R`.
pub struct PatchOf<R>(PhantomData<fn() -> R>);

/// Documents a form of `R` as the schema of `R` names and describes it.
macro_rules! documented {
    ($form:ident: $name:ident, $schema:ident) => {
        impl<R: Resource> PartialSchema for $form<R> {
            fn schema() -> RefOr<Schema> {
                RecordSchema::of::<R>().$schema()
            }
        }

        impl<R: Resource> ToSchema for $form<R> {
            fn name() -> Cow<'static, str> {
                RecordSchema::of::<R>().$name().into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.extend(RecordSchema::of::<R>().documented());
            }
        }
    };
}

documented!(RecordOf: record_name, record);
documented!(PageOf: page_name, page);
documented!(PatchOf: patch_name, patch);

/// The merge patch of what `whole` describes: every member is optional, and null where a record can lack it.
#[must_use]
pub fn patch(whole: RefOr<Schema>) -> RefOr<Schema> {
    let mut patch = object_schema(whole);
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
