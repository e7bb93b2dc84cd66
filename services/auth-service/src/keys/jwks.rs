use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::header::CACHE_CONTROL,
    response::{IntoResponse, Response},
};
use identity::Jwks;
use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, ObjectBuilder, RefOr, ResponseBuilder},
};
use web::{Error, Json};

use super::Keys;

/// Response with a JSON Web Key Set (RFC 7517).
pub(crate) struct KeySet(Jwks);

impl IntoResponse for KeySet {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, "public, max-age=300")], Json(self.0)).into_response()
    }
}

impl IntoResponses for KeySet {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let keys = ContentBuilder::new().schema(Some(ObjectBuilder::new())).build();
        let set = ResponseBuilder::new().description("A JSON Web Key Set").content("application/json", keys);
        let mut responses = Error::responses();
        responses.insert("200".to_owned(), set.build().into());
        responses
    }
}

/// Get the public keys of access tokens, in use or about to be (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", security(()))]
pub(crate) async fn get_jwks(State(keys): State<Keys>) -> KeySet {
    KeySet(keys.public().published())
}
