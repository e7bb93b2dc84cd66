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

use crate::{Entry, Resource, schema};

/// A kept `T`: what somebody wrote, and what we noted about it.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub struct Record<T> {
    /// Identity, given by us.
    pub id: Id<T>,
    /// What was written.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub data: T,
    /// What we noted.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub kept: Kept,
}

/// What we note about every record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, FromRow, ToSchema)]
pub struct Kept {
    /// Grows with every change; the `ETag`.
    pub version: i64,
    /// When it was first written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// By whom.
    pub created_by: Uuid,
    /// When it was last written.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// By whom.
    pub updated_by: Uuid,
}

/// The columns of [`Record`] that are not the resource's own.
pub(crate) const KEPT: &str = "id, version, created_at, created_by, updated_at, updated_by";

/// Part of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The records.
    pub data: Vec<Record<T>>,
    /// What follows.
    pub page: PageInfo,
}

/// Part of a record's history, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// The changes.
    pub data: Vec<Entry>,
    /// What follows.
    pub page: PageInfo,
}

/// What follows a page.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct PageInfo {
    /// Pass as `cursor` for the next page.
    pub next_cursor: Option<String>,
    /// Whether there is one.
    pub has_more: bool,
    /// How many there are in all, where the request asked for it. With `count=capped`, 1001 stands for more than 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// True where a search stopped before all was looked through: there may be more than it found. More of a word, or a filter, finds the rest.
    #[serde(skip_serializing_if = "is_whole")]
    #[schema(value_type = Option<bool>)]
    pub partial: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn is_whole(partial: &bool) -> bool {
    !partial
}

// By hand: a derived name would be the same for every `T`.
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
