use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use db::TenantTx;
use http::{
    StatusCode,
    header::{ETAG, LOCATION},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoResponses, openapi::RefOr};
use web::{
    Error, IfMatch, Json, Result,
    openapi::{ETAG_OF, WHERE, answer},
};

use crate::{Page, Record, Resource, Visible};

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

/// Fails unless `record` still has the version that the client has read; the error includes what the client may see of
/// the current state.
pub async fn ensure_unchanged<R: Resource>(
    tx: &mut TenantTx,
    if_match: IfMatch,
    record: &Record<R>,
) -> Result<()> {
    if if_match == record.meta.version {
        return Ok(());
    }
    let current = crate::visible(tx, record.clone()).await?;
    Err(Error::Stale(R::NAME, Some(current.into_json()?)))
}

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

/// Response 201 with a new record as the caller may see it, `Location`, and its version as `ETag`.
#[derive(Debug)]
pub struct CreatedRecord<T>(pub Visible<T>);

impl<R: Resource> IntoResponse for CreatedRecord<R> {
    fn into_response(self) -> Response {
        let location = format!("/api/v1/{}/{}", R::PATH, self.0.id());
        (StatusCode::CREATED, [(LOCATION, location)], Versioned(self.0)).into_response()
    }
}

impl<R: Resource> IntoResponse for Versioned<R> {
    fn into_response(self) -> Response {
        ([(ETAG, web::etag(self.0.version()))], Json(self.0)).into_response()
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
