//! Asserts that every input is bounded: each body and parameter is sent far beyond any sensible limit, and must be
//! rejected quickly.

mod places;
mod sample;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use crate::{
    TestUser,
    requires_auth::{is_public, operations},
};
use places::blown;
use sample::Samples;

const AT_ONCE: Duration = Duration::from_secs(1);
/// Number of attempts: one response must be in time, because the machine may be busy.
const TRIES: usize = 3;
/// Length of an oversized path, parameter or header.
const LONG: usize = 30_000;

/// An operation under test.
struct TestedOperation<'t> {
    person: &'t TestUser,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    /// Required query parameters of the operation.
    needed: Vec<(String, String)>,
    public: bool,
    told: BTreeMap<u16, usize>,
    slowest: Duration,
}

/// Summary of the attempts and their results.
#[derive(Debug, Default)]
pub struct OversizeReport {
    /// Number of tested operations.
    pub operations: usize,
    /// Number of responses by status.
    pub told: BTreeMap<u16, usize>,
    /// Longest response time of all requests.
    pub slowest: Duration,
}

impl OversizeReport {
    /// Total number of requests.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.told.values().sum()
    }

    fn add(&mut self, tried: TestedOperation<'_>) {
        self.operations += 1;
        self.slowest = self.slowest.max(tried.slowest);
        for (status, times) in tried.told {
            *self.told.entry(status).or_default() += times;
        }
    }
}

/// Sends oversized input to every operation of the document, place by place; each must be rejected with 4xx, and
/// quickly. `known` holds field values that only a test can know, such as ids. `made` finds the id and version of
/// a record for a path (`/api/v1/clients`). Panics on an operation whose input it cannot generate.
pub async fn assert_oversize_rejected(
    person: &TestUser,
    document: &OpenApi,
    known: &Map<String, Value>,
    made: impl Fn(&str) -> Option<(String, Value)>,
    media: &[(&str, &str)],
) -> OversizeReport {
    let described = serde_json::to_value(document).unwrap();
    let samples = Samples { document: &described, known };
    let mut all = OversizeReport::default();
    for (method, path, operation) in operations(document) {
        let operation_json = serde_json::to_value(operation).unwrap();
        let item = &described["paths"][&path];
        let parameters = [&item["parameters"], &operation_json["parameters"]];
        let parameters: Vec<&Value> = parameters.into_iter().filter_map(Value::as_array).flatten().collect();
        let (start, _) = path.split_once("/{").unwrap_or((&path, ""));
        let (id, version) = made(start).unwrap_or_else(|| (Uuid::now_v7().to_string(), json!(1)));
        let mut headers = Vec::new();
        if parameters.iter().any(|one| one["name"] == "If-Match") {
            headers.push(("if-match", format!("\"{version}\"")));
        }
        let filled = path.replace("{id}", &id);
        assert!(!filled.contains('{'), "{method} {path}: there is no value for its path");
        let mut tried = TestedOperation {
            person,
            method,
            path: filled,
            headers,
            needed: needed(&parameters, &samples),
            public: is_public(operation),
            told: BTreeMap::new(),
            slowest: Duration::ZERO,
        };
        tried.parameters(&path, &parameters, &samples).await;
        let content = operation_json["requestBody"]["content"].as_object().cloned().unwrap_or_default();
        for (kind, body) in &content {
            if kind.ends_with("json") {
                tried.bodies(kind, &body["schema"], &samples).await;
            } else {
                let known = media.iter().find(|(known, _)| known == kind);
                let (_, too_much) =
                    known.unwrap_or_else(|| panic!("{path} takes {kind}, which cannot be made here"));
                let path = tried.path_with("", "");
                tried.send("body", &path, &[("content-type", kind)], (*too_much).to_owned()).await;
            }
        }
        all.add(tried);
    }
    all
}

/// Required query parameters with their example values.
fn needed(parameters: &[&Value], samples: &Samples<'_>) -> Vec<(String, String)> {
    let required = parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true);
    let said = required.map(|one| {
        let value = if one["example"].is_null() {
            samples.for_schema(&one["schema"])
        } else {
            one["example"].clone()
        };
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        (one["name"].as_str().unwrap().to_owned(), value)
    });
    said.collect()
}

impl TestedOperation<'_> {
    /// Path with its required parameters and this one.
    fn path_with(&self, name: &str, value: &str) -> String {
        let others = self.needed.iter().filter(|(other, _)| other != name);
        let mut query: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
        if !name.is_empty() {
            query.push(format!("{name}={value}"));
        }
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    async fn parameters(&mut self, template: &str, parameters: &[&Value], samples: &Samples<'_>) {
        for one in parameters {
            let (name, long) = (one["name"].as_str().unwrap(), "7".repeat(LONG));
            let most = one["schema"]["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok());
            let beyond = most.map(|most| "7".repeat(most + 1));
            match one["in"].as_str() {
                Some("path") => {
                    let path = template.replace(&format!("{{{name}}}"), &long);
                    self.send(name, &path, &[], String::new()).await;
                }
                Some("query") => {
                    for value in [long.as_str(), "1e300", "-1000000000000000000000000000000"] {
                        if value.len() < LONG && samples.kind(&one["schema"]) == "string" {
                            continue; // plain text without a limit of its own
                        }
                        let path = self.path_with(name, value);
                        self.send(name, &path, &[], String::new()).await;
                    }
                    if let Some(value) = &beyond {
                        let path = self.path_with(name, value);
                        self.send(&format!("{name}: maxLength + 1"), &path, &[], String::new()).await;
                    }
                }
                Some("header") => {
                    let (path, header) = (self.path_with("", ""), name.to_ascii_lowercase());
                    for value in [Some(&long), beyond.as_ref()].into_iter().flatten() {
                        self.send(name, &path, &[(&header, value)], "{}".to_owned()).await;
                    }
                }
                place => panic!("{template}: a parameter in {place:?}"),
            }
        }
    }

    async fn bodies(&mut self, kind: &str, schema: &Value, samples: &Samples<'_>) {
        let path = self.path_with("", "");
        for one in blown(samples, schema) {
            self.send(&one.place, &path, &[("content-type", kind)], one.text).await;
        }
    }

    async fn send(&mut self, place: &str, path: &str, more: &[(&str, &str)], body: String) {
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let mut headers: Vec<(&str, &str)> =
            own.filter(|(name, _)| more.iter().all(|(other, _)| other != name)).collect();
        headers.extend(more);
        if !body.is_empty() && headers.iter().all(|(name, _)| *name != "content-type") {
            headers.push(("content-type", "application/json"));
        }
        let mut begun = Instant::now();
        let mut answer = self.person.send_raw(self.method.clone(), path, &headers, body.clone()).await;
        let mut took = begun.elapsed();
        for _ in 1..TRIES {
            if took < AT_ONCE {
                break;
            }
            begun = Instant::now();
            answer = self.person.send_raw(self.method.clone(), path, &headers, body.clone()).await;
            took = begun.elapsed();
        }
        let what = format!("{} {}, {place}: {}", self.method, self.path, answer.status);
        assert!(answer.status.is_client_error(), "{what} {}", answer.body);
        let unknown = answer.status == StatusCode::UNAUTHORIZED && !self.public;
        assert!(!unknown, "{what}: it was not tried");
        assert!(took < AT_ONCE, "{what} after {took:?}, as before");
        *self.told.entry(answer.status.as_u16()).or_default() += 1;
        self.slowest = self.slowest.max(took);
    }
}
