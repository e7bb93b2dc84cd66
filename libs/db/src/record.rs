use std::borrow::Cow;

use kernel::Id;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema},
};
use uuid::Uuid;

use crate::{HistoryEntry, Resource, schema};

/// A stored `T` with its id and metadata.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub struct Record<T> {
    /// Identifier, assigned by the server.
    pub id: Id<T>,
    /// Fields of the resource.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub data: T,
    /// Metadata that the server maintains.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub meta: RecordMetadata,
}

/// Metadata of every record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, FromRow, ToSchema)]
pub struct RecordMetadata {
    /// Version of the record, incremented by every change; the value of its `ETag`.
    pub version: i64,
    /// Time at which the record was created (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Identifier of the user who created the record.
    pub created_by: Uuid,
    /// Time of the last change (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Identifier of the user who made the last change.
    pub updated_by: Uuid,
}

/// Columns of [`Record`] that are not the resource's own: id and metadata.
pub(crate) const KEPT: &str = "id, version, created_at, created_by, updated_at, updated_by";

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// Records of this page.
    pub data: Vec<Record<T>>,
    /// Position of the page in the list.
    pub page: PageInfo,
}

/// One page of a record's history, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Changes on this page, newest first.
    pub data: Vec<HistoryEntry>,
    /// Position of the page in the history.
    pub page: PageInfo,
}

/// Position of a page in its list.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct PageInfo {
    /// Cursor of the next page; pass it as `cursor`. Null on the last page.
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
    /// Total number of records, if the request asked for it. With `count=capped`, 1001 stands for more than 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// True if a search stopped before all records were searched, so that matches may be missing. A longer search
    /// text or a filter finds the rest.
    #[serde(skip_serializing_if = "is_complete")]
    #[schema(value_type = Option<bool>)]
    pub partial: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn is_complete(partial: &bool) -> bool {
    !partial
}

// Implemented by hand: a derived name would be the same for every `T`.
impl<T: Resource> PartialSchema for Record<T> {
    fn schema() -> RefOr<Schema> {
        schema::record::<T>()
    }
}

impl<T: Resource> ToSchema for Record<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Record", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: Resource> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let data = ArrayBuilder::new().items(Ref::from_schema_name(Record::<T>::name()));
        let page = ObjectBuilder::new().property("data", data).required("data");
        page.property("page", Ref::from_schema_name(PageInfo::name())).required("page").into()
    }
}

impl<T: Resource> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend([
            (Record::<T>::name().into(), Record::<T>::schema()),
            (PageInfo::name().into(), PageInfo::schema()),
        ]);
        Record::<T>::schemas(schemas);
    }
}
