//! The API document as a whole: its snapshot, its names, and bounds on everything that a client sends.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/openapi.json");
/// First words of operation ids: verbs.
const VERBS: &[&str] = &[
    "accept",
    "aggregate",
    "apply",
    "cancel",
    "change",
    "check",
    "confirm",
    "create",
    "delete",
    "end",
    "exchange",
    "explain",
    "export",
    "finish",
    "get",
    "leave",
    "lift",
    "list",
    "login",
    "logout",
    "mark",
    "plan",
    "preview",
    "purge",
    "refresh",
    "register",
    "remove",
    "request",
    "resend",
    "reset",
    "restore",
    "revoke",
    "search",
    "set",
    "start",
    "step",
    "switch",
    "transfer",
    "undo",
    "update",
    "upload",
    "write",
];

fn document() -> (String, Value) {
    let done = Command::new(env!("CARGO_BIN_EXE_nexo")).arg("openapi").env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(0), "its parts contradict each other: {said}");
    let text = String::from_utf8(done.stdout).unwrap();
    let document = serde_json::from_str(&text).unwrap();
    (text, document)
}

/// Method, path and operation of each.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter().filter(|(_, operation)| operation.is_object());
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

#[test]
fn a_change_of_the_contract_is_a_change_of_its_snapshot() {
    let (text, _) = document();
    let kept = fs::read_to_string(Path::new(SNAPSHOT)).unwrap_or_default();
    let first = text.lines().zip(kept.lines()).position(|(now, before)| now != before);
    assert!(
        text == kept,
        "docs/api/openapi.json differs from line {first:?} on; if the contract should change: cargo run --bin nexo -- openapi > docs/api/openapi.json, and an entry in CHANGELOG.md"
    );
}

#[test]
fn every_operation_has_a_verb_a_summary_and_a_tag_that_is_described() {
    let (_, document) = document();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
        assert!(ids.insert(id), "{id} is the id of two operations");
        let verb = id.split('_').next().unwrap();
        assert!(VERBS.contains(&verb), "{method} {path}: {id} begins with no verb");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!((1..=100).contains(&summary.len()), "{id}: its summary is {summary:?}");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{id}: its tag {tag:?} is not described");
        assert!(path.chars().all(|one| one != '_' || path.contains('{')), "{path} is not in kebab case");
    }
    let used: BTreeSet<&str> =
        operations(&document).filter_map(|(_, _, operation)| operation["tags"][0].as_str()).collect();
    assert_eq!(tags, used, "a tag that no operation has");
}

#[test]
fn everything_that_a_client_sends_is_bounded() {
    let (_, document) = document();
    let mut faults = BTreeSet::new();
    for (_, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let shared = document["paths"][path]["parameters"].as_array();
        for parameter in operation["parameters"].as_array().into_iter().chain(shared).flatten() {
            let place = format!("{id}: parameter {}", parameter["name"]);
            bounded(&document, &parameter["schema"], &place, &mut Vec::new(), &mut faults);
        }
        for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(content["schema"].is_object(), "{id}: {media} has no schema");
            bounded(&document, &content["schema"], id, &mut Vec::new(), &mut faults);
        }
    }
    let known: BTreeSet<String> = UNBOUNDED.iter().map(|(place, _)| (*place).to_owned()).collect();
    assert_eq!(faults, known, "left: found, right: allowed with a reason");
}

/// What has no bound in the document although the service has one, and why.
const UNBOUNDED: &[(&str, &str)] =
    &[("ColumnMapping.values", "the generator knows no maxProperties; at most 500 words are accepted")];

/// Notes strings, numbers, arrays and maps without a bound.
fn bounded(
    document: &Value,
    schema: &Value,
    place: &str,
    seen: &mut Vec<String>,
    faults: &mut BTreeSet<String>,
) {
    let mut place = place.to_owned();
    let mut schema = schema;
    while let Some(reference) = schema["$ref"].as_str() {
        if seen.iter().any(|before| before == reference) {
            return;
        }
        seen.push(reference.to_owned());
        reference.rsplit('/').next().unwrap().clone_into(&mut place);
        schema = document.pointer(&reference[1..]).unwrap();
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        for part in schema[word].as_array().into_iter().flatten() {
            bounded(document, part, &place, &mut seen.clone(), faults);
        }
    }
    if schema["enum"].is_array() {
        return;
    }
    let has = |kind: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    };
    let lacks = |word: &str| schema[word].is_null();
    let is_short = ["uuid", "date", "date-time"].iter().any(|format| schema["format"] == *format);
    if has("string") && lacks("maxLength") && !is_short {
        faults.insert(place.clone());
    }
    if (has("integer") || has("number")) && (lacks("minimum") || lacks("maximum")) {
        faults.insert(place.clone());
    }
    if has("array") {
        if lacks("maxItems") {
            faults.insert(place.clone());
        }
        bounded(document, &schema["items"], &format!("{place}[]"), &mut seen.clone(), faults);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        bounded(document, member, &format!("{place}.{name}"), &mut seen.clone(), faults);
    }
    let more = &schema["additionalProperties"];
    if (more.is_object() || *more == true) && lacks("maxProperties") {
        faults.insert(place.clone());
    }
    if more.is_object() {
        bounded(document, more, &format!("{place}.*"), &mut seen.clone(), faults);
    }
}
