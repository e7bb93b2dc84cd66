use db::FromRow;
use kernel::Id;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A stored `T` with its id and metadata.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub struct Record<T> {
    /// Identifier, assigned by the server.
    pub id: Id<T>,
    /// Fields of the resource.
    #[serde(flatten)]
    #[column(flatten)]
    pub data: T,
    /// Metadata that the server maintains.
    #[serde(flatten)]
    #[column(flatten)]
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
