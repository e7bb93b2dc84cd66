use db::FromRow;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::PageInfo;

/// One page of a record's history, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Changes on this page, newest first.
    pub data: Vec<HistoryEntry>,
    /// Position of the page in the history.
    pub page: PageInfo,
}

/// One step of a record's history.
#[derive(Debug, Clone, Serialize, FromRow, ToSchema)]
pub struct HistoryEntry {
    /// Identifier of this history entry.
    pub id: Uuid,
    /// Action: `created`, `changed`, `tagged`, `removed`, `restored` or `purged`.
    pub action: String,
    /// Version of the record after the change.
    pub version: i64,
    /// Previous values of the changed fields. Null for a new record, and once the record is purged.
    pub before: Option<Value>,
    /// New values of the changed fields. Null once the record is purged.
    pub after: Option<Value>,
    /// Time of the change (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Identifier of the user who made the change.
    pub created_by: Uuid,
    /// Identifier of the request that made the change.
    pub request_id: Uuid,
}
