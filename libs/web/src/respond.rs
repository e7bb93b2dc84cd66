use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use axum::{
    body::to_bytes,
    response::{IntoResponse, Response},
};
use db::StoredResponse;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema,
        schema::{AdditionalProperties, AnyOfBuilder, KnownFormat, SchemaFormat, Type},
    },
};

use crate::{
    Error, Json,
    openapi::{DIGEST_OF, ETAG_OF, WHERE, answer, replayable},
};

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

/// Response 201 with `Location` of the new resource.
#[derive(Debug)]
pub struct Created<T>(pub String, pub T);

/// A value that is not a record, as the caller may see it: complete, or reduced to `id` and `version`. See
/// [`Authorized::shown`](crate::Authorized::shown).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Redacted<T> {
    /// The complete value.
    Whole(T),
    /// The parts that are visible without the permission to read.
    Part(Value),
}

impl<T: Serialize> Redacted<T> {
    pub(crate) fn part(value: &T) -> Result<Self, Error> {
        let value = serde_json::to_value(value).map_err(|error| Error::Internal(error.into()))?;
        let Value::Object(fields) = value else { return Ok(Self::Part(Value::Null)) };
        let kept = fields.into_iter().filter(|(name, _)| name == "id" || name == "version");
        Ok(Self::Part(Value::Object(kept.collect())))
    }

    /// Converts to JSON, for the body of a problem.
    pub fn into_json(self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::Internal(error.into()))
    }
}

impl<T: ToSchema> PartialSchema for Redacted<T> {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String);
        let id = id.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        let part = ObjectBuilder::new()
            .title(Some("Without the permission to read"))
            .property("id", id)
            .property("version", i64::schema())
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        AnyOfBuilder::new().item(Ref::from_schema_name(T::name())).item(part).into()
    }
}

impl<T: ToSchema> ToSchema for Redacted<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Response 200 with a value that is not a record, and its version as `ETag`.
#[derive(Debug)]
pub struct WithETag<T>(pub i64, pub T);

/// Response 200 with a value that has no version. Its `ETag` is a digest of the body.
#[derive(Debug)]
pub struct WithDigest<T>(pub T);

/// Response 202: the operation was accepted and runs in the background.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// Response 204 without a body.
#[derive(Debug)]
pub struct NoContent;

/// An `A` that is either new, or the stored response of the first request with the idempotency key.
#[derive(Debug)]
pub struct Replayable<A> {
    answer: StoredResponse,
    replayed: bool,
    of: PhantomData<fn() -> A>,
}

impl<A> Replayable<A> {
    /// Creates a replay of a stored response.
    pub(crate) fn replayed(answer: StoredResponse) -> Self {
        Self { answer, replayed: true, of: PhantomData }
    }

    /// Response to store together with the request's changes.
    pub(crate) fn to_stored(&self) -> &StoredResponse {
        &self.answer
    }
}

impl<A: IntoResponse> Replayable<A> {
    /// Captures the response `answer` to the request with this `fingerprint`.
    pub(crate) async fn new(answer: A, fingerprint: Vec<u8>) -> Result<Self, Error> {
        let (parts, body) = answer.into_response().into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| Error::Internal(error.into()))?;
        let text = |value: &HeaderValue| value.to_str().ok().map(ToOwned::to_owned);
        let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
        let answer = StoredResponse::new(fingerprint, parts.status.as_u16(), headers.collect(), body.into());
        Ok(Self { answer, replayed: false, of: PhantomData })
    }
}

/// Marks a response as private by default: no caching, no MIME sniffing.
pub(crate) fn private(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The `ETag` of this version (RFC 9110, 8.8.3).
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl<A> IntoResponse for Replayable<A> {
    fn into_response(self) -> Response {
        let (status, headers, body) = self.answer.into_parts();
        let mut response = body.into_response();
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(LOCATION, self.0)], Json(self.1)).into_response()
    }
}

impl<T: Serialize> IntoResponse for WithETag<T> {
    fn into_response(self) -> Response {
        ([(ETAG, etag(self.0))], Json(self.1)).into_response()
    }
}

impl<T: Serialize> IntoResponse for WithDigest<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let headers = [(ETAG, digest(&body)), (CONTENT_TYPE, "application/json".to_owned())];
                (headers, body).into_response()
            }
            Err(error) => Error::Internal(error.into()).into_response(),
        }
    }
}

/// The `ETag` of a body: half of its SHA-256, in hexadecimal digits.
fn digest(body: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    let digits: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<A: IntoResponses> IntoResponses for Replayable<A> {
    fn responses() -> Responses {
        replayable(A::responses())
    }
}

impl<T: ToSchema> IntoResponses for Json<T> {
    fn responses() -> Responses {
        answer::<T>("200", &[])
    }
}

impl<T: ToSchema> IntoResponses for WithETag<T> {
    fn responses() -> Responses {
        answer::<T>("200", &[ETAG_OF])
    }
}

impl<T: ToSchema> IntoResponses for WithDigest<T> {
    fn responses() -> Responses {
        answer::<T>("200", &[DIGEST_OF])
    }
}

impl<T: ToSchema> IntoResponses for Accepted<T> {
    fn responses() -> Responses {
        answer::<T>("202", &[])
    }
}

impl<T: ToSchema> IntoResponses for Created<T> {
    fn responses() -> Responses {
        answer::<T>("201", &[WHERE])
    }
}

impl IntoResponses for NoContent {
    fn responses() -> Responses {
        BTreeMap::from([("204".to_owned(), ResponseBuilder::new().description("Done").build().into())])
    }
}
