use http::Method;
use utoipa::openapi::{
    OpenApi, RefOr,
    path::{Operation, Parameter},
};

use crate::requires_auth::operations;

/// Asserts that every POST accepts an `Idempotency-Key`, and every PATCH, PUT and DELETE requires an `If-Match`.
/// `but` lists exceptions with their reason: `POST /path`, or `POST *end` and `POST /start*` as patterns. An
/// unused exception is an error too.
pub fn assert_writes_conditional(document: &OpenApi, but: &[(&str, &str)]) {
    let mut used = vec![false; but.len()];
    for (method, path, operation) in operations(document) {
        let guarded = match method {
            Method::GET => true,
            Method::POST => takes(operation, "Idempotency-Key"),
            _ => takes(operation, "If-Match"),
        };
        if guarded {
            continue;
        }
        let at = but.iter().position(|(known, _)| names(known, &method, &path));
        let at = at.unwrap_or_else(|| panic!("{method} {path} has no guard, and no reason for that"));
        used[at] = true;
    }
    for ((name, _), used) in but.iter().zip(used) {
        assert!(used, "{name} is guarded, or gone: take it out of the list");
    }
}

fn names(known: &str, method: &Method, path: &str) -> bool {
    let Some((verb, known)) = known.split_once(' ') else { return false };
    let same = match (known.strip_prefix('*'), known.strip_suffix('*')) {
        (Some(end), _) => path.ends_with(end),
        (_, Some(start)) => path.starts_with(start),
        _ => path == known,
    };
    verb == method.as_str() && same
}

fn takes(operation: &Operation, header: &str) -> bool {
    let named = |one: &RefOr<_>| matches!(one, RefOr::T(Parameter { name, .. }) if name == header);
    operation.parameters.iter().flatten().any(named)
}
