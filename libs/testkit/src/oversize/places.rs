//! Oversized values for every place of a body.

use serde_json::{Value, json};

use super::sample::Samples;

/// Total size of an oversized body, below the limit of all bodies, so that its parts are at fault.
const MAX_BODY_BYTES: usize = 900_000;

/// A body that is oversized at one place, with a description of the place.
pub(super) struct OversizeBody {
    pub(super) place: String,
    pub(super) text: String,
}

/// Placeholder for the oversized value; a string that occurs nowhere else.
const HERE: &str = "\u{2603}here\u{2603}";

/// Bodies of a schema, each oversized at another place.
pub(super) fn blown(samples: &Samples, schema: &Value) -> Vec<OversizeBody> {
    let whole = samples.for_schema(schema);
    let mut all = vec![OversizeBody { place: "the whole".to_owned(), text: nested() }];
    walk(samples, schema, &whole, "", &mut |pointer, schema, value| {
        let mut with_mark = whole.clone();
        *with_mark.pointer_mut(pointer).unwrap() = json!(HERE);
        let frame = with_mark.to_string();
        for (what, text) in too_much(samples, schema, value) {
            let text = frame.replacen(&json!(HERE).to_string(), &text, 1);
            all.push(OversizeBody { place: format!("{pointer}: {what}"), text });
        }
    });
    all
}

fn walk(
    samples: &Samples,
    schema: &Value,
    value: &Value,
    at: &str,
    see: &mut dyn FnMut(&str, &Value, &Value),
) {
    see(at, schema, value);
    match value {
        Value::Object(_) => {
            for (name, field) in samples.fields(schema) {
                if let Some(value) = value.get(name) {
                    walk(samples, field, value, &format!("{at}/{name}"), see);
                }
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                walk(samples, &samples.plain(schema)["items"], first, &format!("{at}/0"), see);
            }
        }
        _ => {}
    }
}

/// Values that are one beyond a bound of the document, as JSON.
fn beyond_bounds(samples: &Samples, schema: &Value, value: &Value) -> Vec<(&'static str, String)> {
    let schema = samples.plain(schema);
    let bound = |word: &str| schema[word].as_u64().and_then(|most| usize::try_from(most).ok());
    let mut all = Vec::new();
    if let Some(most) = bound("maxLength").filter(|most| *most < MAX_BODY_BYTES) {
        all.push(("maxLength + 1", format!("\"{}\"", "a".repeat(most + 1))));
    }
    if let Some(most) = bound("maxItems") {
        let item = value.get(0).cloned().unwrap_or(json!("a")).to_string();
        all.push(("maxItems + 1", format!("[{}]", vec![item; most + 1].join(","))));
    }
    if let Some(most) = bound("maxProperties") {
        let members: Vec<_> = (0..=most).map(|at| format!("\"k{at}\":\"1\"")).collect();
        all.push(("maxProperties + 1", format!("{{{}}}", members.join(","))));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        all.push(("maximum + 1", (i128::from(most) + 1).to_string()));
    }
    if let Some(least) = schema["minimum"].as_i64() {
        all.push(("minimum - 1", (i128::from(least) - 1).to_string()));
    }
    all
}

/// Oversized values of this kind, as JSON.
fn too_much(samples: &Samples, schema: &Value, value: &Value) -> Vec<(&'static str, String)> {
    let mut all = beyond_bounds(samples, schema, value);
    all.push(("depth", nested()));
    match samples.kind(schema) {
        "string" => all.push(("text", format!("\"{}\"", "a".repeat(200_000)))),
        "integer" | "number" => {
            let (large, small) = (format!("1{}", "0".repeat(30)), format!("-1{}", "0".repeat(30)));
            all.extend([("number", "1e300".to_owned()), ("number", large), ("number", small)]);
        }
        "array" => {
            let item = value.get(0).cloned().unwrap_or(json!(0)).to_string();
            let number = (MAX_BODY_BYTES / (item.len() + 1)).min(100_000);
            all.push(("items", format!("[{}]", vec![item; number].join(","))));
        }
        "boolean" => {}
        _ => {
            let members: Vec<_> = (0..50_000).map(|at| format!("\"k{at}\":\"1\"")).collect();
            all.push(("members", format!("{{{}}}", members.join(","))));
            all.push(("text", format!("\"{}\"", "a".repeat(200_000))));
        }
    }
    all
}

fn nested() -> String {
    format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000))
}
