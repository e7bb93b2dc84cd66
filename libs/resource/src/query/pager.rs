//! Keyset pagination of lists with hand-written statements.

use db::{Result, TenantTx};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{cursor::CursorCodec, limit};
use crate::PageInfo;

/// Page parameters of a list request.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Maximum number of items on the page: 1 to 200, default 50.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Cursor of the page, from `next_cursor` of the previous page.
    #[param(max_length = 8192)]
    pub cursor: Option<String>,
}

/// Pages through rows in the order of their id.
pub struct Pager {
    limit: i64,
    after: Option<Uuid>,
    seal: CursorCodec,
}

impl Pager {
    /// Creates a pager whose cursors are valid only for the list that `list` identifies.
    pub fn new(tx: &TenantTx, list: &[&str], asked: &PageParams) -> Result<Self> {
        let seal = CursorCodec::new(tx, list);
        let after = asked.cursor.as_deref().map(|cursor| seal.decode(cursor)).transpose()?;
        Ok(Self { limit: limit(asked.limit.as_deref())?, after, seal })
    }

    /// Id of the last row of the previous page; `None` for the first page.
    #[must_use]
    pub fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// Number of rows to fetch: one more than the page holds, to detect whether more follow.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// Cuts rows that were filtered after the fetch to the page. `last` is the last fetched id, if more rows may
    /// follow it.
    pub fn picked<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> Uuid, last: Option<Uuid>) -> PageInfo {
        let page = self.page(rows, id);
        match last {
            Some(last) if !page.has_more => {
                PageInfo { next_cursor: Some(self.seal.encode(&last)), has_more: true, ..PageInfo::default() }
            }
            _ => page,
        }
    }

    /// Cuts the fetched rows to the page.
    pub fn page<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> Uuid) -> PageInfo {
        let size = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| self.seal.encode(&id(last)));
        PageInfo { next_cursor, has_more, ..PageInfo::default() }
    }
}
