use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use serde_json::{Value, json};
use web::{Error, Result};

use crate::{App, limits, upstream::Service};

/// The API documents of all services as one. Each service describes itself; the gateway keeps no copy that could age.
pub(crate) async fn merged(State(app): State<Arc<App>>) -> Result<Response> {
    let mut whole = json!({});
    for service in Service::ALL {
        let missing = || format!("{} does not give its API document", service.name());
        let said = app.upstreams.ask(service, "/openapi.json").await;
        let said = said.ok_or_else(|| Error::Unavailable(missing().into()))?;
        let document = serde_json::from_slice(&said).map_err(|error| Error::BadGateway(error.into()))?;
        merge(&mut whole, document);
    }
    merge(&mut whole, limits::document().map_err(|error| Error::Internal(error.into()))?);
    if let Some(title) = whole.pointer_mut("/info/title") {
        *title = json!("NEXO");
    }
    let text = whole.to_string();
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()), // it may be kept, and is asked for again
        (ETAG, tag(&text)),
    ];
    Ok((headers, text).into_response())
}

fn tag(text: &str) -> String {
    let hash: String =
        digest(&SHA256, text.as_bytes()).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// Objects grow together, lists follow each other, and what both say is said by the first.
fn merge(whole: &mut Value, more: Value) {
    match (whole, more) {
        (Value::Object(whole), Value::Object(more)) => {
            for (name, value) in more {
                match whole.get_mut(&name) {
                    Some(known) => merge(known, value),
                    None => drop(whole.insert(name, value)),
                }
            }
        }
        (Value::Array(whole), Value::Array(more)) => {
            let new: Vec<_> = more.into_iter().filter(|value| !whole.contains(value)).collect();
            whole.extend(new);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_grow_together() {
        let mut whole = json!({ "info": { "title": "a" }, "paths": { "/a": { "get": 1 } }, "tags": ["a"] });
        merge(
            &mut whole,
            json!({ "info": { "title": "b" }, "paths": { "/b": { "get": 2 } }, "tags": ["a", "b"] }),
        );
        let both = json!({ "/a": { "get": 1 }, "/b": { "get": 2 } });
        assert_eq!(whole, json!({ "info": { "title": "a" }, "paths": both, "tags": ["a", "b"] }));
    }
}
