//! Lists: keyset pagination, sorting and filtering by the resource's columns.

mod column;
mod costly;
mod cursor;
mod filter;
mod pager;
mod params;
mod projection;
mod search;
mod selection;
mod sort;
mod value;

use std::marker::PhantomData;

use column::Columns;
use costly::{StatementTimeout, failed};
use cursor::CursorCodec;
use db::{Bindings, Error, ReadView, Result, TenantTx};
use filter::Filter;
use serde_json::Value as Json;

use crate::{
    Page, PageInfo, Record, Resource,
    model::{KEPT, names},
};
pub use filter::schema as filter_schema;
pub use pager::{PageParams, Pager};
pub use params::{FieldsParams, ListParams, SearchRequest};
pub use projection::Projection;
use search::{Matches, SearchTerms};
pub use selection::{MAX_SELECTED, Selection, SelectionRefusal};
use sort::Sort;
use value::Value;

/// With `count=capped`, counting stops at this number.
const CAP: i64 = 1_001;

/// A parsed and validated list request.
#[derive(Debug)]
pub struct Query<R> {
    limit: i64,
    sort: Sort,
    filter: Option<Filter>,
    looked_for: Option<SearchTerms>,
    count: Count,
    cursor: Option<String>,
    projection: Projection,
    trash: bool,
    of: PhantomData<fn() -> R>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    None,
    Exact,
    Capped,
}

fn limit(asked: Option<&str>) -> Result<i64> {
    let limit = asked.map_or(Ok(50), str::parse::<i64>).ok();
    limit
        .filter(|limit| (1..=200).contains(limit))
        .ok_or_else(|| unanswerable("limit", "must be a number from 1 to 200"))
}

fn unanswerable(parameter: &'static str, problem: impl Into<String>) -> Error {
    Error::InvalidParameter { parameter, problem: problem.into() }
}

impl<R: Resource> Query<R> {
    /// Parses and validates the parameters of a list of `R`; fails with the parameter that is invalid. Hidden
    /// fields are treated as unknown, because filtering and sorting disclose values. The cursor is verified only
    /// when the list is read, since it is bound to the account.
    pub fn parse(asked: ListParams, view: &ReadView) -> Result<Self> {
        let columns = Columns::for_resource::<R>(&view.hidden, &view.scope);
        let filter = asked.filter.as_deref().map(|text| Filter::parse(text, &columns)).transpose()?;
        Self::from_params(filter, asked, view)
    }

    /// Parses and validates a list request that was sent as a body.
    pub fn from_search(sought: SearchRequest, view: &ReadView) -> Result<Self> {
        let (asked, filter) = sought.parts();
        let columns = Columns::for_resource::<R>(&view.hidden, &view.scope);
        let filter = filter.map(|json| Filter::read(&json, &columns)).transpose()?;
        Self::from_params(filter, asked, view)
    }

    /// Parses and validates a list of the trash; by default sorted by `-updated_at`.
    pub fn from_trash(mut asked: ListParams, view: &ReadView) -> Result<Self> {
        if asked.q.is_some() {
            return Err(unanswerable("q", "cannot be asked of the trash"));
        }
        asked.sort.get_or_insert_with(|| "-updated_at".to_owned());
        Ok(Self { trash: true, ..Self::parse(asked, view)? })
    }

    fn from_params(filter: Option<Filter>, asked: ListParams, view: &ReadView) -> Result<Self> {
        let columns = Columns::for_resource::<R>(&view.hidden, &view.scope);
        Ok(Self {
            limit: limit(asked.limit.as_deref())?,
            sort: Sort::parse(asked.sort.as_deref().unwrap_or("-created_at"), &columns)?,
            filter,
            looked_for: asked.q.map(|q| SearchTerms::new::<R>(q, view)).transpose()?,
            count: match asked.count.as_deref() {
                None => Count::None,
                Some("exact") => Count::Exact,
                Some("capped") => Count::Capped,
                Some(_) => return Err(unanswerable("count", "is neither exact nor capped")),
            },
            cursor: asked.cursor,
            projection: Projection::parse::<R>(asked.fields.as_deref(), asked.expand.as_deref(), view)?,
            trash: false,
            of: PhantomData,
        })
    }

    /// Overrides the page size.
    #[must_use]
    pub fn limited_to(self, limit: i64) -> Self {
        Self { limit, ..self }
    }

    /// Continues with the page after `cursor`.
    pub fn after(&mut self, cursor: Option<String>) {
        self.cursor = cursor;
    }

    /// Whether the query scans possibly long texts record by record.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.looked_for.is_some() || self.filter.as_ref().is_some_and(Filter::is_costly)
    }

    /// Projection that applies to the records of the answer.
    #[must_use]
    pub fn projection(&self) -> &Projection {
        &self.projection
    }
}

/// Reads one page of records.
pub async fn list<R: Resource>(tx: &mut TenantTx, query: &Query<R>) -> Result<Page<R>> {
    let filter = query.filter.as_ref().map(ToString::to_string).unwrap_or_default();
    let looked_for = query.looked_for.as_ref().map_or("", |looked_for| looked_for.q.as_str());
    let place = if query.trash { "trash" } else { "" };
    let seal = CursorCodec::new(tx, &[R::TABLE, place, &query.sort.to_string(), &filter, looked_for]);
    let position = match &query.cursor {
        Some(cursor) => Some(query.sort.position(&seal.decode::<Vec<Json>>(cursor)?)?),
        None => None,
    };
    let found = match &query.looked_for {
        Some(looked_for) => Some(looked_for.find::<R>(tx).await?),
        None if query.is_costly() => {
            tx.set_statement_timeout(StatementTimeout::COSTLY);
            None
        }
        None => None,
    };
    let mut data = fetch(tx, query, found.as_ref(), position.as_deref()).await?;
    let total = match query.count {
        Count::None => None,
        count => Some(total(tx, query, found.as_ref(), count).await?),
    };

    let size = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let has_more = data.len() > size;
    data.truncate(size);
    let last = data.last().filter(|_| has_more).and_then(|last| serde_json::to_value(last).ok());
    let next_cursor = last.map(|last| seal.encode(&query.sort.position_of(&last)));
    let partial = found.is_some_and(|found| found.partial);
    Ok(Page { data, page: PageInfo { next_cursor, has_more, total, partial } })
}

async fn fetch<R: Resource>(
    tx: &mut TenantTx,
    query: &Query<R>,
    found: Option<&Matches>,
    position: Option<&[Value]>,
) -> Result<Vec<Record<R>>> {
    let mut values = tx.bindings();
    let (mut condition, sort) = (condition(tx, query, found, &mut values), query.sort.sql());
    if let Some(position) = position {
        condition.push_str(&query.sort.after(position, &mut values));
    }
    values.bind(query.limit + 1);
    let text = format!(
        "select {KEPT}, {} from app.{} record where {condition} order by {sort} limit ${}",
        names::<R>(),
        R::TABLE,
        values.len()
    );
    let statement = tx.generated_with(text, values);
    statement.all().await.map_err(failed(query.is_costly()))
}

async fn total<R: Resource>(
    tx: &mut TenantTx,
    query: &Query<R>,
    found: Option<&Matches>,
    count: Count,
) -> Result<i64> {
    let mut values = tx.bindings();
    let condition = condition(tx, query, found, &mut values);
    let cap = if count == Count::Capped { format!(" limit {CAP}") } else { String::new() };
    let text = format!(
        "select count(*) from (select from app.{} record where {condition}{cap}) as counted",
        R::TABLE
    );
    let statement = tx.generated_with::<(i64,)>(text, values);
    let total = statement.optional().await.map_err(failed(query.is_costly()))?;
    Ok(total.map_or(0, |(total,)| total))
}

fn condition<R: Resource>(
    tx: &TenantTx,
    query: &Query<R>,
    found: Option<&Matches>,
    values: &mut Bindings,
) -> String {
    let there = if query.trash { "is not null" } else { "is null" };
    let mut condition = format!("account_id = $1 and deleted_at {there}");
    condition.push_str(&tx.scope().listing(&R::ACCESS));
    if let Some(filter) = &query.filter {
        condition.push_str(" and ");
        condition.push_str(&filter.sql("record", values));
    }
    if let Some(found) = found {
        values.bind(&found.ids);
        let found = format!(" and record.id = any (${})", values.len());
        condition.push_str(&found);
    }
    condition
}
