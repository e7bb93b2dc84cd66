//! Requests for the generic operations of resources.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{RestrictedCaller, Sample};

/// Target record of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The shared record that others refer to.
    Base,
    /// A new record for this request.
    Live,
    /// A new record for this request, in the trash.
    Trashed,
}

/// One request. `$id` and `$version` in its body are replaced by those of the target.
#[derive(Debug, Clone)]
pub(super) struct TestRequest {
    pub(super) on: Target,
    pub(super) query: String,
    /// Offset of the version in `If-Match` from that of the target.
    pub(super) seen: Option<i64>,
    pub(super) body: Option<Value>,
    /// Whether to send an idempotency key.
    pub(super) once: bool,
    /// Expected status for a caller with the permission, but without `read`.
    pub(super) blind: Option<StatusCode>,
    /// Whether the request names a hidden field, and must be refused.
    pub(super) names_hidden: bool,
    pub(super) special: bool,
}

impl TestRequest {
    fn on(on: Target) -> Self {
        Self {
            on,
            query: String::new(),
            seen: None,
            body: None,
            once: false,
            blind: None,
            names_hidden: false,
            special: false,
        }
    }

    fn base() -> Self {
        Self::on(Target::Base)
    }

    fn asking(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::base() }
    }

    fn sending(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn seeing(self, ahead: i64) -> Self {
        Self { seen: Some(ahead), ..self }
    }

    /// Sets the expected status without the permission to read.
    fn blind(self, status: StatusCode) -> Self {
        Self { blind: Some(status), ..self }
    }

    fn once(self) -> Self {
        Self { once: true, ..self }
    }

    pub(super) fn special(query: &str, body: Value) -> Self {
        let body = (!body.is_null()).then_some(body);
        Self { query: query.to_owned(), body, seen: Some(0), special: true, ..Self::base() }
    }
}

/// Reduces the requests for a case. Suspended and removed callers need one request per operation; a single hidden
/// field needs none whose response holds no record.
pub(super) fn needed(mut shots: Vec<TestRequest>, case: &RestrictedCaller) -> Vec<TestRequest> {
    match case {
        RestrictedCaller::Suspended | RestrictedCaller::Removed => shots.truncate(1),
        RestrictedCaller::Hidden(fields) if fields.len() == 1 => shots.retain(|shot| {
            let silent = [StatusCode::NO_CONTENT, StatusCode::PRECONDITION_REQUIRED, StatusCode::NOT_FOUND];
            shot.names_hidden || !shot.blind.is_some_and(|status| silent.contains(&status))
        }),
        _ => {}
    }
    shots
}

/// Whether the operation only reads.
pub(super) fn reads(method: &Method, tail: &str) -> bool {
    *method == Method::GET || ["/search", "/bulk/preview"].contains(&tail)
}

/// Requests to the generic operation at `tail` after the resource's path; `None` if it is not generic.
pub(super) fn for_operation(
    method: &Method,
    tail: &str,
    sample: &Sample,
    case: &RestrictedCaller,
) -> Option<Vec<TestRequest>> {
    let live = || TestRequest::on(Target::Live);
    Some(match (method.as_str(), tail) {
        ("GET", "" | "/trash") => lists(sample, case, tail),
        ("GET", "/export") => {
            let only = format!("filter=id%5Beq%5D:%22${}%22", sample.plural);
            ["csv", "ndjson"].map(|format| TestRequest::asking(format!("format={format}&{only}"))).to_vec()
        }
        ("GET", "/aggregate") => aggregates(sample, case),
        ("POST", "/search") => searches(sample, case),
        ("GET", "/{id}") => {
            let expanded = sample.references().map(|name| format!("expand={name}"));
            [String::new()].into_iter().chain(expanded).map(TestRequest::asking).collect()
        }
        ("GET", "/{id}/history" | "/{id}/timeline" | "/{id}/tags") => vec![TestRequest::base()],
        ("POST", "") => {
            let body = without_hidden(&sample.body, case);
            vec![
                TestRequest::base().sending(body.clone()).once().blind(StatusCode::CREATED),
                TestRequest::base().sending(sample.body.clone()),
            ]
        }
        ("PATCH", "/{id}") => {
            let change = without_hidden(&sample.change, case);
            vec![
                live().seeing(0).sending(change.clone()).blind(StatusCode::OK),
                TestRequest::base().seeing(7).sending(change).blind(StatusCode::PRECONDITION_FAILED),
                live().sending(json!({})).blind(StatusCode::PRECONDITION_REQUIRED),
            ]
        }
        ("DELETE", "/{id}") => vec![
            TestRequest::base().seeing(7).blind(StatusCode::PRECONDITION_FAILED),
            live().seeing(0).blind(StatusCode::NO_CONTENT),
        ],
        ("POST", "/{id}/restore") => {
            vec![
                TestRequest::on(Target::Trashed).once().blind(StatusCode::OK),
                live().blind(StatusCode::CONFLICT),
            ]
        }
        ("DELETE", "/trash/{id}") => vec![
            TestRequest::on(Target::Trashed).seeing(7).blind(StatusCode::PRECONDITION_FAILED),
            TestRequest::on(Target::Trashed).seeing(0).blind(StatusCode::NO_CONTENT),
        ],
        ("PUT", "/{id}/tags") => vec![
            TestRequest::base()
                .seeing(7)
                .sending(json!({ "tags": [] }))
                .blind(StatusCode::PRECONDITION_FAILED),
            live().seeing(0).sending(json!({ "tags": ["$tags"] })).blind(StatusCode::OK),
        ],
        ("POST", "/bulk") => bulk(sample, case),
        ("POST", "/bulk/preview") => previews(sample, case, &json!({})),
        ("POST", "/bulk/apply") => previews(sample, case, &json!({ "selection": "x", "expected_count": 1 })),
        _ => return None,
    })
}

/// Removes fields that are hidden from the caller from a body.
fn without_hidden(body: &Value, case: &RestrictedCaller) -> Value {
    let mut body = body.clone();
    if let (RestrictedCaller::Hidden(fields), Some(members)) = (case, body.as_object_mut()) {
        members.retain(|name, _| !fields.contains(name));
    }
    body
}

fn lists(sample: &Sample, case: &RestrictedCaller, tail: &str) -> Vec<TestRequest> {
    let expanded = sample.references().map(|name| format!("expand={name}"));
    let plain = ["limit=10".to_owned(), "limit=1&count=exact".to_owned()];
    let mut shots: Vec<TestRequest> = plain.into_iter().chain(expanded).map(TestRequest::asking).collect();
    if tail.is_empty() {
        shots.extend(sample.marked().map(|field| TestRequest::asking(format!("q={}", sample.mark(&field)))));
    }
    for (field, name) in named(case) {
        let hidden = |query: String| TestRequest { names_hidden: name, ..TestRequest::asking(query) };
        shots.push(hidden(format!("sort={field}")));
        shots.push(hidden(format!("fields={field}")));
        if let Some(reference) = field.strip_suffix("_id") {
            shots.push(hidden(format!("expand={reference}")));
        }
    }
    shots
}

/// Fields that are hidden from the caller.
fn named(case: &RestrictedCaller) -> impl Iterator<Item = (&String, bool)> {
    let fields = match case {
        RestrictedCaller::Hidden(fields) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|field| (field, true))
}

fn searches(sample: &Sample, case: &RestrictedCaller) -> Vec<TestRequest> {
    let mut shots = vec![TestRequest::base().sending(json!({ "filter": there(), "limit": 10 }))];
    shots.extend(sample.references().flat_map(|name| {
        let through = json!({ "field": format!("{name}.id"), "op": "is", "value": null });
        [
            TestRequest::base().sending(json!({ "filter": there(), "limit": 10, "expand": [name] })),
            TestRequest::base().sending(json!({ "filter": { "not": through }, "limit": 10 })),
        ]
    }));
    shots.extend(conditions(case).map(|filter| TestRequest {
        names_hidden: true,
        ..TestRequest::base().sending(json!({ "filter": filter, "limit": 10 }))
    }));
    shots
}

fn aggregates(sample: &Sample, case: &RestrictedCaller) -> Vec<TestRequest> {
    let mut shots = vec![TestRequest::base()];
    shots.extend(sample.marked().map(|field| TestRequest::asking(format!("group_by={field}"))));
    for (field, name) in named(case) {
        for query in [format!("group_by={field}"), format!("measure=min({field})")] {
            shots.push(TestRequest { names_hidden: name, ..TestRequest::asking(query) });
        }
    }
    shots
}

fn there() -> Value {
    json!({ "field": "id", "op": "ne", "value": uuid::Uuid::nil() })
}

/// Filter conditions on fields that are hidden from the caller.
fn conditions(case: &RestrictedCaller) -> impl Iterator<Item = Value> {
    let own = |field: &String| json!({ "not": { "field": field, "op": "is", "value": null } });
    let through = |field: &String| {
        let reference = field.strip_suffix("_id")?;
        Some(json!({ "not": { "field": format!("{reference}.id"), "op": "is", "value": null } }))
    };
    named(case).flat_map(move |(field, _)| [Some(own(field)), through(field)].into_iter().flatten())
}

fn previews(sample: &Sample, case: &RestrictedCaller, more: &Value) -> Vec<TestRequest> {
    let order = |filter: Value| {
        let mut order = json!({ "operation": "update", "patch": {}, "filter": filter });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    let refused = StatusCode::FORBIDDEN;
    let mut shots: Vec<TestRequest> = sample
        .marked()
        .map(|field| json!({ "field": field, "op": "starts_with", "value": sample.mark(&field) }))
        .chain([there()])
        .map(|filter| TestRequest::base().sending(order(filter)).blind(refused))
        .collect();
    shots.extend(
        conditions(case)
            .map(|filter| TestRequest { names_hidden: true, ..TestRequest::base().sending(order(filter)) }),
    );
    shots
}

fn bulk(sample: &Sample, case: &RestrictedCaller) -> Vec<TestRequest> {
    let batch =
        |operation: &str, item: Value| json!({ "operation": operation, "items": [item], "atomic": false });
    let which = |ahead: &str, patch: Option<Value>| {
        let mut item = json!({ "id": "$id", "version": ahead });
        if let Some(patch) = patch {
            item["patch"] = patch;
        }
        item
    };
    let one = |shot: TestRequest, body: Value| shot.sending(body).blind(StatusCode::MULTI_STATUS);
    let live = || TestRequest::on(Target::Live);
    let change = || Some(without_hidden(&sample.change, case));
    let stale = |patch: Option<Value>| {
        let mut item = which("$version", patch);
        item["version"] = json!(99);
        item
    };
    let base = TestRequest::base;
    vec![
        one(TestRequest::base(), batch("create", without_hidden(&sample.body, case))).once(),
        one(TestRequest::base(), batch("create", sample.body.clone())),
        one(
            TestRequest::base(),
            batch("create", json!(sample.body.as_object().unwrap().values().collect::<Vec<_>>())),
        ),
        one(live(), batch("update", which("$version", change()))),
        one(base(), batch("update", stale(change()))),
        one(live(), batch("delete", which("$version", None))),
        one(base(), batch("delete", stale(None))),
        one(TestRequest::on(Target::Trashed), batch("restore", json!({ "id": "$id" }))),
    ]
}
