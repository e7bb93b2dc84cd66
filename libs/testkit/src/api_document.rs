//! Validates every response in a test against the API document (JSON Schema 2020-12).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE};
use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// Base URI of the document in schema references.
const URI: &str = "nexo:openapi";

static DESCRIBED: OnceLock<ApiDocument> = OnceLock::new();

/// API document of the service under test, with a cache of compiled validators.
struct ApiDocument {
    document: Value,
    registry: Registry<'static>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// From now on, every response to a [`TestUser`](crate::TestUser) of this process is validated against the
/// document.
pub fn validate_answers_against(document: impl FnOnce() -> OpenApi) {
    DESCRIBED.get_or_init(|| {
        let document = serde_json::to_value(document()).unwrap();
        let registry = Registry::new().add(URI, document.clone()).unwrap().prepare().unwrap();
        ApiDocument { document, registry, validators: Mutex::default() }
    });
}

/// Panics if the document does not describe the response: its status, media type or body. Undocumented paths and
/// methods are ignored.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let Some(described) = DESCRIBED.get() else { return };
    if *method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return; // both have the headers of another response, and no body
    }
    let path = path.split('?').next().unwrap_or_default();
    let Some(pointer) = described.operation(method, path) else { return };
    if let Err(fault) = described.look(&pointer, status, headers, body) {
        let body: String = String::from_utf8_lossy(body).chars().take(1_000).collect();
        panic!("the document does not describe this answer to {method} {path}: {fault}: {status} {body}");
    }
}

impl ApiDocument {
    /// JSON pointer to the operation in the document.
    fn operation(&self, method: &Method, path: &str) -> Option<String> {
        let paths = self.document["paths"].as_object()?;
        let method = method.as_str().to_ascii_lowercase();
        let fits = |template: &&String| is_match(template, path) && paths[*template].get(&method).is_some();
        // A literal path takes precedence over one with a parameter, as in the router.
        let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        Some(format!("/paths/{}/{method}", template.replace('~', "~0").replace('/', "~1")))
    }

    fn look(
        &self,
        operation: &str,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let responses = format!("{operation}/responses");
        let all = &self.document.pointer(&responses).ok_or("has no responses")?;
        let name = status.as_u16().to_string();
        let name = if all.get(&name).is_some() { name } else { "default".to_owned() };
        let named = all.get(&name).filter(|_| name != "default" || !status.is_success());
        let named = named.ok_or("its status is not described")?;
        let (pointer, response) = match named["$ref"].as_str().and_then(|at| at.strip_prefix('#')) {
            Some(pointer) => (pointer.to_owned(), self.document.pointer(pointer).ok_or("a dangling $ref")?),
            None => (format!("{responses}/{name}"), named),
        };
        if body.is_empty() && response.get("content").is_none() {
            return Ok(());
        }
        let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        let content = response["content"].as_object().ok_or("it should have no body")?;
        let bare = |media: &str| media.split(';').next().unwrap_or_default().trim().to_owned();
        let known = content.keys().find(|known| bare(known) == bare(media));
        let known = known.ok_or_else(|| format!("its media type {media} is not described"))?;
        if bare(known) != "application/json" && !bare(known).ends_with("+json") {
            return Ok(()); // a file
        }
        let schema = format!("{pointer}/content/{}/schema", known.replace('~', "~0").replace('/', "~1"));
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let validator = self.validator(&schema);
        let faults: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut known = self.validators.lock().unwrap();
        let make = || {
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D"); // RFC 3986, 3.5
            let schema = json!({ "$ref": format!("{URI}#{fragment}") });
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Arc::new(options.with_registry(&self.registry).build(&schema).unwrap())
        };
        Arc::clone(known.entry(pointer.to_owned()).or_insert_with(make))
    }
}

fn is_match(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
    let fits = |(known, part): (&&str, &&str)| known.starts_with('{') || known == part;
    template.len() == path.len() && template.iter().zip(&path).all(fits)
}
