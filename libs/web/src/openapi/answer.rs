//! Responses with a body, for the API document.

use std::collections::BTreeMap;

use utoipa::{
    ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, Schema},
};

use super::text_header;

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

/// Header `ETag` of a response, for the API document.
pub const ETAG_OF: (&str, &str) = ("ETag", "The version, for `If-Match` and `If-None-Match`.");
/// Header `ETag` of a response without a version, for the API document.
pub(crate) const DIGEST_OF: (&str, &str) = ("ETag", "A digest of the answer, for `If-None-Match`.");
/// Header `Location` of a response, for the API document.
pub const WHERE: (&str, &str) = ("Location", "The path of the new thing.");
/// Header `Idempotent-Replayed` of a response, for the API document.
const REPLAYED: (&str, &str) =
    ("Idempotent-Replayed", "`true` where the answer of an earlier request with this key is repeated.");

/// Describes the response of this status with a `T` and these headers, for the API document.
#[must_use]
pub fn answer<T: ToSchema>(status: &str, headers: &[(&str, &str)]) -> Responses {
    match T::schema() {
        union @ RefOr::T(Schema::AnyOf(_)) => answer_of(union, status, headers), // a union has no name of its own
        _ => answer_named(&T::name(), status, headers),
    }
}

/// Describes the response of this status with what the schema of this name describes, and these headers.
#[must_use]
pub fn answer_named(name: &str, status: &str, headers: &[(&str, &str)]) -> Responses {
    answer_of(Ref::from_schema_name(name).into(), status, headers)
}

/// Adds the header that a repeated response has to each of these.
#[must_use]
pub fn replayable(responses: Responses) -> Responses {
    let mark = |response| match response {
        RefOr::T(response) => RefOr::T(with_headers(response, &[REPLAYED])),
        other @ RefOr::Ref(_) => other,
    };
    responses.into_iter().map(|(status, response)| (status, mark(response))).collect()
}

fn answer_of(schema: RefOr<Schema>, status: &str, headers: &[(&str, &str)]) -> Responses {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description("Done").content("application/json", content);
    BTreeMap::from([(status.to_owned(), with_headers(response.build(), headers).into())])
}

fn with_headers(
    mut response: utoipa::openapi::Response,
    headers: &[(&str, &str)],
) -> utoipa::openapi::Response {
    let described = headers.iter().map(|(name, text)| ((*name).to_owned(), text_header(text).into()));
    response.headers.extend(described);
    response
}
