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
/// Header `Location` of a response, for the API document.
pub const WHERE: (&str, &str) = ("Location", "The path of the new thing.");
/// Header `Idempotent-Replayed` of a response, for the API document.
pub(crate) const REPLAYED: (&str, &str) =
    ("Idempotent-Replayed", "`true` where the answer of an earlier request with this key is repeated.");

/// Describes the response of this status with a `T` and these headers, for the API document.
#[must_use]
pub fn answer<T: ToSchema>(status: &str, headers: &[(&str, &str)]) -> Responses {
    let schema = match T::schema() {
        union @ RefOr::T(Schema::AnyOf(_)) => union, // a union has no name of its own
        _ => Ref::from_schema_name(T::name()).into(),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description("Done").content("application/json", content);
    BTreeMap::from([(status.to_owned(), with_headers(response.build(), headers).into())])
}

pub(crate) fn with_headers(
    mut response: utoipa::openapi::Response,
    headers: &[(&str, &str)],
) -> utoipa::openapi::Response {
    let described = headers.iter().map(|(name, text)| ((*name).to_owned(), text_header(text).into()));
    response.headers.extend(described);
    response
}
