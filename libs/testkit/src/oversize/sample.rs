//! Minimal bodies that match their schema, with every field.

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Maximum depth of a sample of a recursive schema.
const MAX_DEPTH: usize = 8;

/// The API document, and values for fields that only a test can know.
pub(super) struct Samples<'d> {
    pub(super) document: &'d Value,
    pub(super) known: &'d Map<String, Value>,
}

impl Samples<'_> {
    /// Resolves references and alternatives of a schema; takes the first alternative that is not null.
    pub(super) fn plain<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.plain(self.document.pointer(reference.trim_start_matches('#')).unwrap());
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(all) = schema[choice].as_array() {
                let first = all.iter().find(|one| one["type"] != "null").unwrap();
                return self.plain(first);
            }
        }
        schema
    }

    /// Fields of the schema, including those of its `allOf` parts.
    pub(super) fn fields<'s>(&'s self, schema: &'s Value) -> Vec<(&'s str, &'s Value)> {
        let schema = self.plain(schema);
        let own = schema["properties"].as_object().into_iter().flatten();
        let parts = schema["allOf"].as_array().into_iter().flatten();
        own.map(|(name, field)| (name.as_str(), field))
            .chain(parts.flat_map(|part| self.fields(part)))
            .collect()
    }

    pub(super) fn kind<'s>(&'s self, schema: &'s Value) -> &'s str {
        let schema = self.plain(schema);
        if !schema["allOf"].is_null() || !schema["properties"].is_null() {
            return "object";
        }
        match &schema["type"] {
            Value::String(kind) => kind,
            Value::Array(kinds) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("any")
            }
            _ => "any",
        }
    }

    pub(super) fn for_schema(&self, schema: &Value) -> Value {
        self.at(schema, 0)
    }

    fn at(&self, schema: &Value, depth: usize) -> Value {
        let plain = self.plain(schema);
        let said = [
            &schema["example"],
            &plain["example"],
            &plain["examples"][0],
            &plain["default"],
            &plain["enum"][0],
        ];
        for said in said {
            if !said.is_null() {
                return said.clone();
            }
        }
        match self.kind(schema) {
            _ if depth > MAX_DEPTH => Value::Null,
            "object" => {
                let fields = self.fields(schema).into_iter();
                let filled = fields.map(|(name, field)| {
                    let known = self.known.get(name).cloned();
                    (name.to_owned(), known.unwrap_or_else(|| self.at(field, depth + 1)))
                });
                Value::Object(filled.collect())
            }
            "array" => json!([self.at(&plain["items"], depth + 1)]),
            "integer" | "number" => plain["minimum"].as_i64().map_or(json!(1), Value::from),
            "boolean" => json!(false),
            "string" => json!(text(plain)),
            _ => Value::Null,
        }
    }
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("uuid") => Uuid::now_v7().to_string(),
        Some("date-time") => "2026-03-02T09:00:00Z".to_owned(),
        Some("date") => "2026-03-02".to_owned(),
        _ => "a".to_owned(),
    }
}
