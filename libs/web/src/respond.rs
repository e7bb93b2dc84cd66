use std::{collections::BTreeMap, marker::PhantomData};

use axum::response::{IntoResponse, Response};
use db::{Answer, Hidden, Page, Record};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG, LOCATION},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder},
};

use crate::{Error, Json};

/// 201, and where the new thing is.
#[derive(Debug)]
pub struct Created<T>(pub String, pub T);

/// 200 with a record, and its version as `ETag`.
#[derive(Debug)]
pub struct Tagged<T> {
    record: Record<T>,
    shown: Option<Value>,
}

impl<T> Tagged<T> {
    /// As it is shown, where that is not as it is.
    #[must_use]
    pub fn shown(record: Record<T>, shown: Option<Value>) -> Self {
        Self { record, shown }
    }
}

impl<T: Serialize> Tagged<T> {
    /// As somebody sees it from whom these fields are hidden.
    #[must_use]
    pub fn of(record: Record<T>, hidden: &Hidden) -> Self {
        let shown = if hidden.is_empty() { None } else { masked(&record, hidden).ok() };
        Self { record, shown }
    }
}

/// 200 with a page of records.
#[derive(Debug)]
pub struct Listed<T> {
    page: Page<T>,
    shown: Option<Vec<Value>>,
}

impl<T> Listed<T> {
    /// As its records are shown, where that is not as they are.
    #[must_use]
    pub fn shown(page: Page<T>, shown: Option<Vec<Value>>) -> Self {
        Self { page, shown }
    }
}

/// What `seen` is without the hidden fields.
pub(crate) fn masked(seen: &impl Serialize, hidden: &Hidden) -> Result<Value, Error> {
    let mut value = serde_json::to_value(seen).map_err(|error| Error::Internal(error.into()))?;
    hidden.mask(&mut value);
    Ok(value)
}

/// 200 with something that is no record, and its version as `ETag`.
#[derive(Debug)]
pub struct Marked<T>(pub i64, pub T);

/// 202: it is under way.
#[derive(Debug)]
pub struct Accepted<T>(pub T);

/// 204.
#[derive(Debug)]
pub struct NoContent;

/// 201 with a record: made just now, or remembered from the first time that the request was sent.
#[derive(Debug)]
pub struct Answered<T> {
    answer: Answer,
    replayed: bool,
    record: PhantomData<fn() -> T>,
}

impl<T: Serialize> Answered<T> {
    /// The answer for a record that was just made at `location`; `fingerprint` is that of its request.
    pub fn created(
        location: String,
        record: &Record<T>,
        fingerprint: Vec<u8>,
        hidden: &Hidden,
    ) -> Result<Self, Error> {
        let body = if hidden.is_empty() {
            serde_json::to_vec(record)
        } else {
            serde_json::to_vec(&masked(record, hidden)?)
        };
        let body = body.map_err(|error| Error::Internal(error.into()))?;
        let headers = BTreeMap::from([
            (CONTENT_TYPE.to_string(), "application/json".to_owned()),
            (LOCATION.to_string(), location),
            (ETAG.to_string(), etag(record.kept.version)),
        ]);
        let answer = Answer::new(fingerprint, StatusCode::CREATED.as_u16(), headers, body);
        Ok(Self { answer, replayed: false, record: PhantomData })
    }
}

impl<T> Answered<T> {
    /// This answer, in JSON, to the request with this `fingerprint`.
    pub(crate) fn with(status: StatusCode, body: Vec<u8>, fingerprint: Vec<u8>) -> Self {
        let headers = BTreeMap::from([(CONTENT_TYPE.to_string(), "application/json".to_owned())]);
        let answer = Answer::new(fingerprint, status.as_u16(), headers, body);
        Self { answer, replayed: false, record: PhantomData }
    }

    /// The answer, to be kept with what the request did.
    #[must_use]
    pub fn to_remember(&self) -> &Answer {
        &self.answer
    }

    /// The answer that was given before.
    #[must_use]
    pub fn again(answer: Answer) -> Self {
        Self { answer, replayed: true, record: PhantomData }
    }
}

pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl<T> IntoResponse for Answered<T> {
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

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = [(ETAG, etag(self.record.kept.version))];
        match self.shown {
            None => (tag, Json(self.record)).into_response(),
            Some(shown) => (tag, Json(shown)).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        match self.shown {
            None => Json(self.page).into_response(),
            Some(data) => Json(json!({ "data": data, "page": self.page.page })).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Marked<T> {
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

fn answer<T: ToSchema>(status: &str) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build();
    let response = ResponseBuilder::new().description("Done").content("application/json", content);
    BTreeMap::from([(status.to_owned(), response.build().into())])
}

impl<T: ToSchema> IntoResponses for Tagged<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<Record<T>>("200")
    }
}

impl<T: ToSchema> IntoResponses for Listed<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<Page<T>>("200")
    }
}

impl<T: ToSchema> IntoResponses for Answered<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<Record<T>>("201")
    }
}

impl<T: ToSchema> IntoResponses for Json<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<T>("200")
    }
}

impl<T: ToSchema> IntoResponses for Marked<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<T>("200")
    }
}

impl<T: ToSchema> IntoResponses for Accepted<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<T>("202")
    }
}

impl<T: ToSchema> IntoResponses for Created<T> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        answer::<T>("201")
    }
}

impl IntoResponses for NoContent {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        BTreeMap::from([("204".to_owned(), ResponseBuilder::new().description("Done").build().into())])
    }
}
