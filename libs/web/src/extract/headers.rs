use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{header::IF_MATCH, request::Parts};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Required, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::Error;

/// Version that the client has read, from `If-Match`; prevents lost updates.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(i64);

impl PartialEq<i64> for IfMatch {
    fn eq(&self, version: &i64) -> bool {
        self.0 == *version
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tag = text(21).pattern(Some("^\"[0-9]{1,19}\"$"));
        let seen = header(
            "If-Match",
            "The `ETag` of the record as you have read it, with its quotation marks.",
            tag,
        );
        vec![seen.required(Required::True).build()]
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let seen = parts.headers.get(IF_MATCH).ok_or(Error::Unconditional)?;
        let tag = seen.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        tag.map(Self).ok_or_else(|| {
            Error::Malformed(
                "If-Match is not an ETag of ours, such as \"3\" with its quotation marks".to_owned(),
            )
        })
    }
}

/// Idempotency key: the client's name for a request. Retries with the same key are executed once.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    name: String,
    /// Method and path: the same key on another operation is a different request.
    request: String,
}

impl IdempotencyKey {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn request(&self) -> &str {
        &self.request
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            header(
                "Idempotency-Key",
                "Your name for this request. A retry with the same key returns the first response.",
                text(255),
            )
            .build(),
        ]
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
        let key = key.ok_or_else(|| {
            Error::Malformed("Idempotency-Key must have 1 to 255 visible ASCII characters".to_owned())
        })?;
        let request = format!("{} {}", parts.method, parts.uri.path());
        Ok(Some(Self { name: key.to_owned(), request }))
    }
}

fn text(max_length: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(max_length))
}

fn header(name: &str, purpose: &str, schema: ObjectBuilder) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .description(Some(purpose))
        .parameter_in(ParameterIn::Header)
        .schema(Some(schema.build()))
}
