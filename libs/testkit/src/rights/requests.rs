//! How the operations that every resource has are called.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Case, Sample};

/// Which record a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The one to which others refer.
    Base,
    /// One of its own.
    Live,
    /// One of its own, in the trash.
    Trashed,
}

/// One request. `$id` and `$version` in its body are those of its target.
#[derive(Debug, Clone)]
pub(super) struct Shot {
    pub(super) on: Target,
    pub(super) query: String,
    /// How far the version of `If-Match` is from that of the target.
    pub(super) seen: Option<i64>,
    pub(super) body: Option<Value>,
    /// Under an idempotency key.
    pub(super) once: bool,
    /// The status for a caller who may do it, and not read.
    pub(super) blind: Option<StatusCode>,
    /// Names a hidden field, which must be refused.
    pub(super) names_hidden: bool,
    pub(super) special: bool,
}

impl Shot {
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

    /// What is answered without the permission to read.
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

/// The requests that a case needs: who sees nothing at all is asked once an operation, and a field that is hidden alone needs
/// none whose answer holds no record.
pub(super) fn needed(mut shots: Vec<Shot>, case: &Case) -> Vec<Shot> {
    match case {
        Case::Suspended | Case::Removed => shots.truncate(1),
        Case::Hidden(fields) if fields.len() == 1 => shots.retain(|shot| {
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

/// The requests to the operation at `tail` behind the records' path; none, where it is not one that every resource has.
pub(super) fn of(method: &Method, tail: &str, sample: &Sample, case: &Case) -> Option<Vec<Shot>> {
    let live = || Shot::on(Target::Live);
    Some(match (method.as_str(), tail) {
        ("GET", "" | "/trash") => lists(sample, case, tail),
        ("GET", "/export") => {
            let only = format!("filter=id%5Beq%5D:%22${}%22", sample.plural);
            ["csv", "ndjson"].map(|format| Shot::asking(format!("format={format}&{only}"))).to_vec()
        }
        ("POST", "/search") => searches(sample, case),
        ("GET", "/{id}") => {
            let expanded = sample.references().map(|name| format!("expand={name}"));
            [String::new()].into_iter().chain(expanded).map(Shot::asking).collect()
        }
        ("GET", "/{id}/history" | "/{id}/timeline" | "/{id}/tags") => vec![Shot::base()],
        ("POST", "") => {
            let body = without_hidden(&sample.body, case);
            vec![
                Shot::base().sending(body.clone()).once().blind(StatusCode::CREATED),
                Shot::base().sending(sample.body.clone()),
            ]
        }
        ("PATCH", "/{id}") => {
            let change = without_hidden(&sample.change, case);
            vec![
                live().seeing(0).sending(change.clone()).blind(StatusCode::OK),
                Shot::base().seeing(7).sending(change).blind(StatusCode::PRECONDITION_FAILED),
                live().sending(json!({})).blind(StatusCode::PRECONDITION_REQUIRED),
            ]
        }
        ("DELETE", "/{id}") => vec![
            Shot::base().seeing(7).blind(StatusCode::PRECONDITION_FAILED),
            live().seeing(0).blind(StatusCode::NO_CONTENT),
        ],
        ("POST", "/{id}/restore") => {
            vec![Shot::on(Target::Trashed).once().blind(StatusCode::OK), live().blind(StatusCode::CONFLICT)]
        }
        ("DELETE", "/trash/{id}") => vec![
            Shot::on(Target::Trashed).seeing(7).blind(StatusCode::PRECONDITION_FAILED),
            Shot::on(Target::Trashed).seeing(0).blind(StatusCode::NO_CONTENT),
        ],
        ("PUT", "/{id}/tags") => vec![
            Shot::base().seeing(7).sending(json!({ "tags": [] })).blind(StatusCode::PRECONDITION_FAILED),
            live().seeing(0).sending(json!({ "tags": ["$tags"] })).blind(StatusCode::OK),
        ],
        ("POST", "/bulk") => bulk(sample, case),
        ("POST", "/bulk/preview") => previews(sample, case, &json!({})),
        ("POST", "/bulk/apply") => previews(sample, case, &json!({ "selection": "x", "expected_count": 1 })),
        _ => return None,
    })
}

/// A body without what is hidden from the caller.
fn without_hidden(body: &Value, case: &Case) -> Value {
    let mut body = body.clone();
    if let (Case::Hidden(fields), Some(members)) = (case, body.as_object_mut()) {
        members.retain(|name, _| !fields.contains(name));
    }
    body
}

fn lists(sample: &Sample, case: &Case, tail: &str) -> Vec<Shot> {
    let expanded = sample.references().map(|name| format!("expand={name}"));
    let plain = ["limit=10".to_owned(), "limit=1&count=exact".to_owned()];
    let mut shots: Vec<Shot> = plain.into_iter().chain(expanded).map(Shot::asking).collect();
    if tail.is_empty() {
        shots.extend(sample.marked().map(|field| Shot::asking(format!("q={}", sample.mark(&field)))));
    }
    for (field, name) in named(case) {
        let hidden = |query: String| Shot { names_hidden: name, ..Shot::asking(query) };
        shots.push(hidden(format!("sort={field}")));
        shots.push(hidden(format!("fields={field}")));
        if let Some(reference) = field.strip_suffix("_id") {
            shots.push(hidden(format!("expand={reference}")));
        }
    }
    shots
}

/// The fields that the caller does not see.
fn named(case: &Case) -> impl Iterator<Item = (&String, bool)> {
    let fields = match case {
        Case::Hidden(fields) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|field| (field, true))
}

fn searches(sample: &Sample, case: &Case) -> Vec<Shot> {
    let mut shots = vec![Shot::base().sending(json!({ "filter": there(), "limit": 10 }))];
    shots.extend(sample.references().flat_map(|name| {
        let through = json!({ "field": format!("{name}.id"), "op": "is", "value": null });
        [
            Shot::base().sending(json!({ "filter": there(), "limit": 10, "expand": [name] })),
            Shot::base().sending(json!({ "filter": { "not": through }, "limit": 10 })),
        ]
    }));
    shots.extend(conditions(case).map(|filter| Shot {
        names_hidden: true,
        ..Shot::base().sending(json!({ "filter": filter, "limit": 10 }))
    }));
    shots
}

fn there() -> Value {
    json!({ "field": "id", "op": "ne", "value": uuid::Uuid::nil() })
}

/// Conditions that name what the caller does not see.
fn conditions(case: &Case) -> impl Iterator<Item = Value> {
    let own = |field: &String| json!({ "not": { "field": field, "op": "is", "value": null } });
    let through = |field: &String| {
        let reference = field.strip_suffix("_id")?;
        Some(json!({ "not": { "field": format!("{reference}.id"), "op": "is", "value": null } }))
    };
    named(case).flat_map(move |(field, _)| [Some(own(field)), through(field)].into_iter().flatten())
}

fn previews(sample: &Sample, case: &Case, more: &Value) -> Vec<Shot> {
    let order = |filter: Value| {
        let mut order = json!({ "operation": "update", "patch": {}, "filter": filter });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    let refused = StatusCode::FORBIDDEN;
    let mut shots: Vec<Shot> = sample
        .marked()
        .map(|field| json!({ "field": field, "op": "starts_with", "value": sample.mark(&field) }))
        .chain([there()])
        .map(|filter| Shot::base().sending(order(filter)).blind(refused))
        .collect();
    shots.extend(
        conditions(case).map(|filter| Shot { names_hidden: true, ..Shot::base().sending(order(filter)) }),
    );
    shots
}

fn bulk(sample: &Sample, case: &Case) -> Vec<Shot> {
    let batch =
        |operation: &str, item: Value| json!({ "operation": operation, "items": [item], "atomic": false });
    let which = |ahead: &str, patch: Option<Value>| {
        let mut item = json!({ "id": "$id", "version": ahead });
        if let Some(patch) = patch {
            item["patch"] = patch;
        }
        item
    };
    let one = |shot: Shot, body: Value| shot.sending(body).blind(StatusCode::MULTI_STATUS);
    let live = || Shot::on(Target::Live);
    let change = || Some(without_hidden(&sample.change, case));
    let stale = |patch: Option<Value>| {
        let mut item = which("$version", patch);
        item["version"] = json!(99);
        item
    };
    let base = Shot::base;
    vec![
        one(Shot::base(), batch("create", without_hidden(&sample.body, case))).once(),
        one(Shot::base(), batch("create", sample.body.clone())),
        one(
            Shot::base(),
            batch("create", json!(sample.body.as_object().unwrap().values().collect::<Vec<_>>())),
        ),
        one(live(), batch("update", which("$version", change()))),
        one(base(), batch("update", stale(change()))),
        one(live(), batch("delete", which("$version", None))),
        one(base(), batch("delete", stale(None))),
        one(Shot::on(Target::Trashed), batch("restore", json!({ "id": "$id" }))),
    ]
}
