//! Error responses of operations, and headers of responses.
//!
//! They are derived from the parameters of an operation, so that operations need not list them. With `If-Match` it
//! can answer 412 and 428, with a body 415, and so on (RFC 9110, RFC 6585).

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema as _,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        schema::{ObjectBuilder, Type},
    },
};

use crate::Problem;

/// An error response that many operations share.
struct SharedProblem {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    applies: fn(&OperationInputs<'_>) -> bool,
}

/// Inputs of an operation that determine its error responses.
struct OperationInputs<'o> {
    method: &'static str,
    path: &'o str,
    operation: &'o Operation,
}

const SHARED: &[SharedProblem] = &[
    SharedProblem {
        status: "400",
        name: "MalformedRequest",
        description: "The request cannot be parsed.",
        applies: |_| true,
    },
    SharedProblem {
        status: "401",
        name: "Unauthenticated",
        description: "No valid token (RFC 6750). `WWW-Authenticate` says `error=\"invalid_token\"` where one was sent.",
        applies: |_| true,
    },
    SharedProblem {
        status: "403",
        name: "Forbidden",
        description: "The caller lacks a permission; `detail` names it.",
        applies: |taken| taken.needs_token(),
    },
    SharedProblem {
        status: "404",
        name: "NotFound",
        description: "There is no such thing in the caller's account and within their reach.",
        applies: |taken| taken.path.contains('{'),
    },
    SharedProblem {
        status: "409",
        name: "Conflict",
        description: "The present state does not allow it, or the `Idempotency-Key` is in use; `code` says which rule.",
        applies: |taken| taken.writes(),
    },
    SharedProblem {
        status: "412",
        name: "PreconditionFailed",
        description: "The record has another version than `If-Match` says; `current` is the record as it is now.",
        applies: |taken| taken.has_parameter("If-Match"),
    },
    SharedProblem {
        status: "413",
        name: "ContentTooLarge",
        description: "The body is larger than is taken here.",
        applies: |taken| taken.has_body(),
    },
    SharedProblem {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The body has another media type, or is compressed; `Accept` or `Accept-Patch` says what is taken.",
        applies: |taken| taken.has_body(),
    },
    SharedProblem {
        status: "422",
        name: "UnprocessableContent",
        description: "Fields or parameters are not valid; `errors` names each by a JSON pointer.",
        applies: |_| true,
    },
    SharedProblem {
        status: "428",
        name: "PreconditionRequired",
        description: "`If-Match` is missing (RFC 6585).",
        applies: |taken| taken.has_parameter("If-Match"),
    },
    SharedProblem {
        status: "429",
        name: "TooManyRequests",
        description: "A rate limit, or the bound on concurrent requests, is reached.",
        applies: |_| true,
    },
    SharedProblem {
        status: "503",
        name: "ServiceUnavailable",
        description: "A dependency does not answer. A GET, or a request with an `Idempotency-Key`, is safe to retry.",
        applies: |_| true,
    },
];

/// Response headers: name, description, and the statuses with the header.
const HEADERS: &[(&str, &str, &[&str])] = &[
    ("WWW-Authenticate", "RFC 6750.", &["401"]),
    ("Retry-After", "Seconds to wait.", &["429", "503"]),
    ("RateLimit-Limit", "Permits of the tightest bucket when it is full.", &["429"]),
    ("RateLimit-Remaining", "Permits it holds now.", &["429"]),
    ("RateLimit-Reset", "Seconds until it is full.", &["429"]),
];

/// Response 404 of an operation that names a record outside of its path, for `responses(…)` of [`utoipa::path`].
#[derive(Debug)]
pub struct NotFoundResponse;

impl IntoResponses for NotFoundResponse {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([shared("404", "NotFound")])
    }
}

/// Reference to a shared error response.
pub fn shared(status: &str, name: &str) -> (String, RefOr<Response>) {
    (status.to_owned(), RefOr::Ref(Ref::from_response_name(name)))
}

/// Header with a string value, for the API document.
pub fn text_header(description: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}

/// Adds the shared error responses to every operation that can return them and does not describe them itself.
pub(super) fn add_problems(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let taken = OperationInputs { method, path, operation };
            let missing: Vec<_> = SHARED.iter().filter(|shared| (shared.applies)(&taken)).collect();
            for shared in missing {
                let response = RefOr::Ref(Ref::from_response_name(shared.name));
                operation.responses.responses.entry(shared.status.to_owned()).or_insert(response);
            }
        }
    }
    if let Some(components) = &mut document.components {
        components
            .responses
            .extend(SHARED.iter().map(|shared| (shared.name.to_owned(), shared.response().into())));
    }
}

impl SharedProblem {
    fn response(&self) -> Response {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new().description(self.description);
        let response = response.content("application/problem+json", problem);
        HEADERS
            .iter()
            .filter(|(_, _, statuses)| statuses.contains(&self.status))
            .fold(response, |response, (name, description, _)| {
                response.header(*name, text_header(description))
            })
            .build()
    }
}

impl OperationInputs<'_> {
    fn needs_token(&self) -> bool {
        let open = |all: &Vec<_>| serde_json::to_value(all).is_ok_and(|all| all == serde_json::json!([{}]));
        !self.operation.security.as_ref().is_some_and(open)
    }

    fn writes(&self) -> bool {
        self.method != "get"
    }

    fn has_body(&self) -> bool {
        self.operation.request_body.is_some()
    }

    fn has_parameter(&self, name: &str) -> bool {
        let named =
            |parameter: &RefOr<_>| matches!(parameter, RefOr::T(parameter) if is_named(parameter, name));
        self.operation.parameters.iter().flatten().any(named)
    }
}

fn is_named(parameter: &utoipa::openapi::path::Parameter, name: &str) -> bool {
    parameter.name.eq_ignore_ascii_case(name)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
