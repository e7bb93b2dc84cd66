//! What the API document says of the fields of a resource.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema, schema::Object};

use super::{FieldSchema, Kind, Resource};

type Parts = [(String, RefOr<Schema>)];

/// The JSON Schema of a property, whether it stands there or in a schema that it refers to.
pub(crate) fn facts(form: &Object, parts: &Parts, name: &str) -> Map<String, Value> {
    let Some(mut facts) = form.properties.get(name).map(object) else { return Map::new() };
    let alternatives = facts.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let of_value = alternatives.into_iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"));
    if let Some(Value::Object(inner)) = of_value {
        facts.extend(inner);
    }
    let name = facts.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let named = name.and_then(|name| parts.iter().find(|(part, _)| part == name));
    for (name, value) in named.map(|(_, part)| object(part)).unwrap_or_default() {
        facts.entry(name).or_insert(value);
    }
    facts
}

fn object(schema: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(schema) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Values that a new record gets for fields that it does not name. They are read from a record that has only what it must
/// have; if that is refused, no defaults are known.
pub(crate) fn defaults<R: Resource>(
    form: &Object,
    parts: &Parts,
    fields: &[std::sync::Arc<FieldSchema>],
) -> Map<String, Value> {
    let is_required = |name: &str| form.required.iter().any(|required| required == name);
    let needed = fields.iter().filter(|field| is_required(field.name));
    let sample: Map<_, _> =
        needed.map(|field| (field.name.to_owned(), sample(field, &facts(form, parts, field.name)))).collect();
    let whole = web::parse_json::<R>(Value::Object(sample)).map(|record| object(&record)).unwrap_or_default();
    whole.into_iter().filter(|(name, value)| !value.is_null() && !is_required(name)).collect()
}

/// A value that the field may have.
fn sample(field: &FieldSchema, facts: &Map<String, Value>) -> Value {
    let in_list = facts.get("examples").and_then(|examples| examples.get(0));
    if let Some(example) = facts.get("example").or(in_list) {
        return example.clone();
    }
    match field.kind {
        Kind::Text => json!("a"),
        Kind::Choice(words) => json!(words.first()),
        Kind::Integer => facts.get("minimum").cloned().unwrap_or(json!(1)),
        Kind::Amount => json!("1"),
        Kind::Id => json!(uuid::Uuid::nil()),
        Kind::Instant => json!("2026-01-31T00:00:00Z"),
        Kind::Date => json!("2026-01-31"),
        Kind::Boolean => json!(false),
        Kind::Texts | Kind::Json => json!([]),
    }
}

/// Object schema of a struct; empty if the schema is not an object.
pub(super) fn object_schema(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}
