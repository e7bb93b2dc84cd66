use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use axum::{
    body::to_bytes,
    response::{IntoResponse, Response},
};
use db::{Page, Record, Resource, StoredResponse, Visible};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ETAG, LOCATION},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema,
        schema::{AdditionalProperties, AnyOfBuilder, KnownFormat, SchemaFormat, Type},
    },
};

use crate::{Error, Json, openapi::text_header};

/// Response 201 with `Location` of the new resource.
#[derive(Debug)]
pub struct Created<T>(pub String, pub T);

/// Response 200 with a record as the caller may see it, and its version as `ETag`.
#[derive(Debug)]
pub struct Versioned<T>(pub Visible<T>);

/// Response 200 with a page of records.
#[derive(Debug)]
pub struct ListResponse<T> {
    page: Page<T>,
    shown: Option<Vec<Value>>,
}

impl<T> ListResponse<T> {
    /// Creates the response; `shown` holds the projected records, if a projection applies.
    #[must_use]
    pub fn shown(page: Page<T>, shown: Option<Vec<Value>>) -> Self {
        Self { page, shown }
    }
}

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

/// Response 202: the operation was accepted and runs in the background.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// Response 204 without a body.
#[derive(Debug)]
pub struct NoContent;

/// Response 201 with a new record as the caller may see it, `Location`, and its version as `ETag`.
#[derive(Debug)]
pub struct CreatedRecord<T>(pub Visible<T>);

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

pub(crate) fn etag(version: i64) -> String {
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

impl<R: Resource> IntoResponse for CreatedRecord<R> {
    fn into_response(self) -> Response {
        let location = format!("/api/v1/{}/{}", R::PATH, self.0.id());
        (StatusCode::CREATED, [(LOCATION, location)], Versioned(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(LOCATION, self.0)], Json(self.1)).into_response()
    }
}

impl<R: Resource> IntoResponse for Versioned<R> {
    fn into_response(self) -> Response {
        ([(ETAG, etag(self.0.version()))], Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for ListResponse<T> {
    fn into_response(self) -> Response {
        match self.shown {
            None => Json(self.page).into_response(),
            Some(data) => Json(json!({ "data": data, "page": self.page.page })).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for WithETag<T> {
    fn into_response(self) -> Response {
        ([(ETAG, etag(self.0))], Json(self.1)).into_response()
    }
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

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

const ETAG_OF: (&str, &str) = ("ETag", "The version, for `If-Match` and `If-None-Match`.");
const WHERE: (&str, &str) = ("Location", "The path of the new thing.");
const REPLAYED: (&str, &str) =
    ("Idempotent-Replayed", "`true` where the answer of an earlier request with this key is repeated.");

/// Response of this status with a `T`, for the API document.
fn answer<T: ToSchema>(status: &str, headers: &[(&str, &str)]) -> Responses {
    let schema = match T::schema() {
        union @ RefOr::T(Schema::AnyOf(_)) => union, // a union has no name of its own
        _ => Ref::from_schema_name(T::name()).into(),
    };
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

impl<T: Resource> IntoResponses for Versioned<T> {
    fn responses() -> Responses {
        answer::<Record<T>>("200", &[ETAG_OF])
    }
}

impl<T: Resource> IntoResponses for ListResponse<T> {
    fn responses() -> Responses {
        answer::<Page<T>>("200", &[])
    }
}

impl<T: Resource> IntoResponses for CreatedRecord<T> {
    fn responses() -> Responses {
        answer::<Record<T>>("201", &[ETAG_OF, WHERE])
    }
}

impl<A: IntoResponses> IntoResponses for Replayable<A> {
    fn responses() -> Responses {
        let mark = |response| match response {
            RefOr::T(response) => RefOr::T(with_headers(response, &[REPLAYED])),
            other @ RefOr::Ref(_) => other,
        };
        A::responses().into_iter().map(|(status, response)| (status, mark(response))).collect()
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
