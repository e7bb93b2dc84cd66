//! Example bodies of requests: the members that are required.
//!
//! Without them Swagger UI fills every field with `"string"`, and ids of other records with ids that do not exist.

use serde_json::{Map, Value, json};
use utoipa::openapi::{OpenApi, RefOr};

/// Adds an example to every JSON body of a request.
pub(super) fn add_bodies(document: &mut OpenApi) {
    let components = serde_json::to_value(&document.components).unwrap_or_default();
    let Some(schemas) = components.get("schemas").and_then(Value::as_object) else { return };
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.post, &mut item.put, &mut item.patch];
        let bodies =
            operations.into_iter().flatten().filter_map(|one| written_out(one.request_body.as_mut()?));
        for (media, content) in bodies.flat_map(|body| &mut body.content) {
            let Some(content) = written_out(content) else { continue };
            if media.ends_with("json") {
                let schema = serde_json::to_value(&content.schema).unwrap_or_default();
                content.example = example(&schema, schemas).filter(|example| *example != json!({}));
            }
        }
    }
}

fn written_out<T>(part: &mut RefOr<T>) -> Option<&mut T> {
    match part {
        RefOr::T(part) => Some(part),
        RefOr::Ref(_) => None,
    }
}

/// Example of a schema: its own, or one of its required members. An object that requires none, such as a patch, has
/// the members that have an example.
fn example(schema: &Value, schemas: &Map<String, Value>) -> Option<Value> {
    if let Some(known) = own_example(schema).or_else(|| schema.get("enum")?.get(0)) {
        return Some(known.clone());
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return example(schemas.get(reference.rsplit('/').next()?)?, schemas);
    }
    if let Some(variant) = ["oneOf", "anyOf", "allOf"].iter().find_map(|union| schema.get(*union)?.get(0)) {
        return example(variant, schemas);
    }
    let kind = schema.get("type")?;
    match kind.as_str().or_else(|| kind.get(0)?.as_str())? {
        "object" => Some(object(schema, schemas)),
        "array" => Some(json!([example(schema.get("items")?, schemas)?])),
        "integer" => Some(schema.get("minimum").cloned().unwrap_or(json!(1))),
        "boolean" => Some(json!(false)),
        _ => Some(json!(text(schema.get("format").and_then(Value::as_str)))),
    }
}

fn own_example(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| schema.get("examples")?.get(0))
}

fn object(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let members = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_shown = |name: &str, member: &Value| match required {
        Some(required) => required.iter().any(|one| one == name),
        None => own_example(member).is_some(),
    };
    let shown = members.into_iter().flatten().filter(|(name, member)| is_shown(name, member));
    shown.filter_map(|(name, member)| Some((name.clone(), example(member, schemas)?))).collect()
}

fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "01a1ff6b-faac-7163-888f-5811d1e7bf0b",
        Some("date-time") => "2026-06-01T09:30:00Z",
        Some("date") => "2026-01-31",
        Some("email") => "ana@acme.test",
        Some("password") => "correct-horse-battery",
        _ => "…",
    }
}
