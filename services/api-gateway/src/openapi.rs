//! Merges the API documents of all services (OpenAPI 3.1).

use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use serde_json::{Map, Value, json};
use web::{Error, Result};

use crate::{App, rate_limit_endpoint, upstream::Service};

/// The tags in the order of a newcomer's day, with their descriptions.
const TAGS: &[(&str, &str)] = &[
    (
        "auth",
        "Register, log in, and manage one's own sessions, password, e-mail address, second factor and accounts",
    ),
    ("account", "Name, rules and ownership of the account"),
    ("invitations", "Invite people into the account"),
    ("members", "Members and service accounts, their permissions, and why they may do something"),
    ("roles", "Roles: sets of permissions, with scopes and hidden fields"),
    ("teams", "Teams, which the scope of permissions can be limited to"),
    (
        "schema",
        "The fields, limits and rights of the caller, for programs that build forms and tables from them",
    ),
    ("clients", "Clients: the businesses and people that an account sells to"),
    ("contacts", "Contacts: people at clients and suppliers"),
    ("activities", "Activities: calls, meetings and e-mails about records"),
    ("notes", "Notes about records, with mentions of members"),
    ("tasks", "Tasks with checklists and due dates"),
    ("projects", "Projects of clients"),
    ("employees", "Employees and the organisation chart"),
    ("suppliers", "Suppliers: the businesses that an account buys from"),
    ("supplier-relations", "Relations between suppliers"),
    ("professionals", "Professionals, their working hours and free slots"),
    ("bookings", "Bookings of professionals, which never overlap"),
    ("tags", "Tags, by which records are grouped"),
    ("imports", "Import records from CSV and XLSX files"),
    ("notifications", "Notifications of the signed-in user"),
    ("api-keys", "API keys for programs"),
    ("oidc-connections", "Identity providers of the account (OpenID Connect)"),
    ("audit-log", "The audit log: every change of the account's data"),
    ("security-events", "Security events: logins, and changes of access"),
    ("limits", "Rate limits of the caller"),
];

/// Something that two documents define differently under one name. The merged document has the first definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Location of the definition, as a JSON pointer (RFC 6901): `/components/schemas/Status`.
    pub pointer: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is defined in two ways", self.pointer)
    }
}

/// Endpoint `GET /api/openapi.json`: each service describes itself, so that no copy can become outdated.
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
        (CACHE_CONTROL, "no-cache".to_owned()), // may be cached, and must be revalidated
        (ETAG, etag(text.as_bytes())),
    ];
    Ok((headers, text).into_response())
}

/// API document of the gateway's own operations.
pub fn own_document() -> serde_json::Result<Value> {
    rate_limit_endpoint::document()
}

/// Entity tag of a body: a part of its hash.
pub(crate) fn etag(body: &[u8]) -> String {
    let hash: String =
        digest(&SHA256, body).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// Merges documents: paths, components and tags of all, everything else from the first. Also returns the
/// conflicts.
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
                _ => {}
            }
        }
    }
    whole.insert(
        "tags".to_owned(),
        TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect(),
    );
    let mut whole = Value::Object(whole);
    if let Some(title) = whole.pointer_mut("/info/title") {
        *title = json!("NEXO");
    }
    (whole, conflicts)
}

/// Adds members of `more` that `known` lacks, down to `depth`. Members in both must be equal.
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
        assert_eq!(whole["tags"][0]["name"], "auth", "tags stand in the order of a newcomer's day");
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
