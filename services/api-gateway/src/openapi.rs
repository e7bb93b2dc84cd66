//! The API documents of all services as one (OpenAPI 3.1).

use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use serde_json::{Map, Value, json};
use web::{Error, Result};

use crate::{App, limits, upstream::Service};

/// Something that two documents define differently under one name. The merged document has the first definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where it is, as a JSON pointer (RFC 6901): `/components/schemas/Status`.
    pub pointer: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is defined in two ways", self.pointer)
    }
}

/// `GET /api/openapi.json`: each service describes itself, so the gateway keeps no copy that could become outdated.
pub(crate) async fn merged(State(app): State<Arc<App>>) -> Result<Response> {
    let mut documents = Vec::new();
    for service in Service::ALL {
        let missing = || format!("{} does not give its API document", service.name());
        let said = app.upstreams.ask(service, "/openapi.json").await;
        let said = said.ok_or_else(|| Error::Unavailable(missing().into()))?;
        documents.push(serde_json::from_slice(&said).map_err(|error| Error::BadGateway(error.into()))?);
    }
    documents.push(own_document().map_err(|error| Error::Internal(error.into()))?);
    let (whole, conflicts) = merge(documents);
    for conflict in conflicts {
        tracing::error!(%conflict, "the API documents of the services contradict each other");
    }
    let text = whole.to_string();
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()), // it may be kept, and is asked for again
        (ETAG, etag(&text)),
    ];
    Ok((headers, text).into_response())
}

/// The document of the operations that the gateway answers itself.
pub fn own_document() -> serde_json::Result<Value> {
    limits::document()
}

fn etag(text: &str) -> String {
    let hash: String =
        digest(&SHA256, text.as_bytes()).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// Merges documents: paths, components and tags of all, everything else of the first. Returns the conflicts as well.
#[must_use]
pub fn merge(documents: impl IntoIterator<Item = Value>) -> (Value, Vec<Conflict>) {
    let (mut whole, mut conflicts) = (Map::new(), Vec::new());
    for document in documents {
        let Value::Object(members) = document else { continue };
        for (name, value) in members {
            match (name.as_str(), whole.get_mut(&name)) {
                (_, None) => drop(whole.insert(name, value)),
                // Two levels of names: a path and its methods, a kind of component and its components.
                ("paths" | "components", Some(known)) => {
                    unite(known, value, 2, &format!("/{name}"), &mut conflicts);
                }
                ("tags", Some(known)) => append(known, value),
                _ => {}
            }
        }
    }
    let mut whole = Value::Object(whole);
    if let Some(title) = whole.pointer_mut("/info/title") {
        *title = json!("NEXO");
    }
    (whole, conflicts)
}

/// Adds the members of `more` that `known` lacks, down to `depth`. What both have there must be equal.
fn unite(known: &mut Value, more: Value, depth: usize, pointer: &str, conflicts: &mut Vec<Conflict>) {
    match (known, more) {
        (Value::Object(known), Value::Object(more)) if depth > 0 => {
            for (name, value) in more {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match known.get_mut(&name) {
                    Some(known) => unite(known, value, depth - 1, &pointer, conflicts),
                    None => drop(known.insert(name, value)),
                }
            }
        }
        (known, more) if *known == more => {}
        _ => conflicts.push(Conflict { pointer: pointer.to_owned() }),
    }
}

/// Adds the tags that are not there yet, by name.
fn append(known: &mut Value, more: Value) {
    let (Value::Array(known), Value::Array(more)) = (known, more) else { return };
    for tag in more {
        if known.iter().all(|other| other.get("name") != tag.get("name")) {
            known.push(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_united_by_name() {
        let first = json!({
            "info": { "title": "a" }, "paths": { "/a": { "get": 1 } }, "tags": [{ "name": "a" }],
            "components": { "schemas": { "Shared": { "type": "object" } } },
        });
        let second = json!({
            "info": { "title": "b" }, "paths": { "/a": { "post": 2 }, "/b": { "get": 3 } }, "tags": [{ "name": "a" }, { "name": "b" }],
            "components": { "schemas": { "Shared": { "type": "object" }, "Own": true } },
        });
        let (whole, conflicts) = merge([first, second]);
        assert_eq!(conflicts, []);
        assert_eq!(whole["info"]["title"], "NEXO");
        assert_eq!(whole["paths"], json!({ "/a": { "get": 1, "post": 2 }, "/b": { "get": 3 } }));
        assert_eq!(whole["tags"], json!([{ "name": "a" }, { "name": "b" }]));
        assert_eq!(whole["components"]["schemas"], json!({ "Shared": { "type": "object" }, "Own": true }));
    }

    #[test]
    fn two_definitions_of_one_name_are_a_conflict_and_the_first_stands() {
        let status = |word| json!({ "components": { "schemas": { "Status": { "enum": [word] } } } });
        let (whole, conflicts) = merge([status("active"), status("lead")]);
        assert_eq!(conflicts, [Conflict { pointer: "/components/schemas/Status".to_owned() }]);
        assert_eq!(whole["components"]["schemas"]["Status"]["enum"], json!(["active"]));
        let operation = |id| json!({ "paths": { "/a": { "get": { "operationId": id } } } });
        let (_, conflicts) = merge([operation("x"), operation("y")]);
        assert_eq!(conflicts, [Conflict { pointer: "/paths/~1a/get".to_owned() }]);
    }
}
