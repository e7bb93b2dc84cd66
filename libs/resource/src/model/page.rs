use serde::Serialize;
use utoipa::ToSchema;

use super::StoredRecord;

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// Records of this page.
    pub data: Vec<StoredRecord>,
    /// Position of the page in the list.
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
