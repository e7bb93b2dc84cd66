//! Pages of a list whose statement is written by hand.

use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{cursor::Seal, limit};
use crate::{PageInfo, Result, TenantTx};

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Pages through rows in the order of an id.
pub struct Pager {
    limit: i64,
    after: Option<Uuid>,
    seal: Seal,
}

impl Pager {
    /// For the list that `list` names, and no other.
    pub fn new(tx: &TenantTx, list: &[&str], asked: &Paging) -> Result<Self> {
        let seal = Seal::new(tx, list);
        let after = asked.cursor.as_deref().map(|cursor| seal.open(cursor)).transpose()?;
        Ok(Self { limit: limit(asked.limit.as_deref())?, after, seal })
    }

    /// The id that the page comes after; none for the first.
    #[must_use]
    pub fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// How many rows to fetch: one more than the page has, which tells whether there are more.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// The same of rows that were picked from others: `last` is the last that was looked at, where others follow it.
    pub fn picked<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> Uuid, last: Option<Uuid>) -> PageInfo {
        let page = self.page(rows, id);
        match last {
            Some(last) if !page.has_more => {
                PageInfo { next_cursor: Some(self.seal.close(&last)), has_more: true, ..PageInfo::default() }
            }
            _ => page,
        }
    }

    /// Cuts what was fetched to the page.
    pub fn page<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> Uuid) -> PageInfo {
        let size = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| self.seal.close(&id(last)));
        PageInfo { next_cursor, has_more, ..PageInfo::default() }
    }
}
