use std::{collections::BTreeMap, marker::PhantomData};

use axum::response::{IntoResponse, Response};
use db::TenantTx;
use http::{
    StatusCode,
    header::{ETAG, LOCATION},
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use utoipa::{IntoResponses, openapi::RefOr};
use web::{
    Error, IfMatch, Json, Result,
    openapi::{ETAG_OF, WHERE, answer},
};

use crate::{
    Expanded, Page, PageInfo, PageOf, Projected, Projection, RecordOf, Resource, ResourceHandle,
    StoredRecord, Visible,
};

type Responses = BTreeMap<String, RefOr<utoipa::openapi::Response>>;

impl ResourceHandle {
    /// Fails unless `record` still has the version that the client has read; the error includes what the client may see
    /// of the current state.
    pub async fn ensure_unchanged(
        &self,
        tx: &mut TenantTx,
        if_match: IfMatch,
        record: &StoredRecord,
    ) -> Result<()> {
        if if_match == record.version {
            return Ok(());
        }
        let current = self.visible(tx, record.clone()).await?;
        Err(Error::Stale(self.schema().name(), Some(current.into_json()?)))
    }
}

/// Response 200 with a record as the caller may see it, and its version as `ETag`. `T` is its type in the API document.
#[derive(Debug)]
pub struct Versioned<T>(Visible, PhantomData<fn() -> T>);

impl<T> Versioned<T> {
    /// Creates the response.
    #[must_use]
    pub fn new(record: Visible) -> Self {
        Self(record, PhantomData)
    }
}

/// Response 201 with a new record as the caller may see it, `Location`, and its version as `ETag`. `T` is its type in the
/// API document.
#[derive(Debug)]
pub struct CreatedRecord<T> {
    location: String,
    record: Visible,
    of: PhantomData<fn() -> T>,
}

impl<T> CreatedRecord<T> {
    /// Creates the response for a new record of this type.
    #[must_use]
    pub fn new(resource: &ResourceHandle, record: Visible) -> Self {
        let location = format!("/api/v1/{}/{}", resource.schema().path, record.id());
        Self { location, record, of: PhantomData }
    }
}

/// Response 200 with a page of records. `T` is their type in the API document.
pub struct ListResponse<T> {
    page: Page,
    projection: Projection,
    expanded: Expanded,
    of: PhantomData<fn() -> T>,
}

impl<T> ListResponse<T> {
    /// Creates the response, with the related records that the projection asks for.
    pub async fn new(tx: &mut TenantTx, page: Page, projection: Projection) -> Result<Self> {
        let expanded = projection.expanded(tx, &page.data).await?;
        Ok(Self { page, projection, expanded, of: PhantomData })
    }
}

impl<T> Serialize for ListResponse<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { page: Page { data, page }, projection, expanded, .. } = self;
        let records: Vec<_> =
            data.iter().map(|record| Projected::new(record, projection, expanded)).collect();
        let mut body = serializer.serialize_struct("Page", 2)?;
        body.serialize_field("data", &records)?;
        body.serialize_field::<PageInfo>("page", page)?;
        body.end()
    }
}

impl<T> IntoResponse for CreatedRecord<T> {
    fn into_response(self) -> Response {
        let record = Versioned::<T>::new(self.record);
        (StatusCode::CREATED, [(LOCATION, self.location)], record).into_response()
    }
}

impl<T> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(ETAG, web::etag(self.0.version()))], Json(self.0)).into_response()
    }
}

impl<T> IntoResponse for ListResponse<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl<T: Resource> IntoResponses for Versioned<T> {
    fn responses() -> Responses {
        answer::<RecordOf<T>>("200", &[ETAG_OF])
    }
}

impl<T: Resource> IntoResponses for ListResponse<T> {
    fn responses() -> Responses {
        answer::<PageOf<T>>("200", &[])
    }
}

impl<T: Resource> IntoResponses for CreatedRecord<T> {
    fn responses() -> Responses {
        answer::<RecordOf<T>>("201", &[ETAG_OF, WHERE])
    }
}
