//! Lists: a page by its key, sorted and filtered by the resource's own columns.

mod asked;
pub(crate) mod column;
mod costly;
pub(crate) mod cursor;
mod dress;
mod filter;
mod pager;
mod related;
mod search;
mod selection;
mod sort;
mod value;

use std::marker::PhantomData;

use serde_json::Value as Json;

use crate::{
    Error, Page, PageInfo, Record, Resource, Result, Row, TenantTx, View, keep::names, record::KEPT,
};
pub use asked::{Asked, Shape, Sought};
use column::{Column, Columns};
use costly::{Patience, failed};
use cursor::Seal;
pub use dress::Dress;
use filter::Filter;
pub use pager::{Pager, Paging};
pub use related::Related;
use search::{Found, LookedFor};
pub use selection::{MOST_SELECTED, Selection, SelectionRefusal};
use sort::Sort;
use value::Value;

/// Counting stops here when `count=capped` asks for it.
const CAP: i64 = 1_001;

/// A list that was asked for, understood.
#[derive(Debug)]
pub struct Query<R> {
    limit: i64,
    sort: Sort,
    filter: Option<Filter>,
    looked_for: Option<LookedFor>,
    count: Count,
    cursor: Option<String>,
    dress: Dress,
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
        .ok_or_else(|| unanswerable("limit", "is not a number from 1 to 200"))
}

fn unanswerable(parameter: &'static str, problem: impl Into<String>) -> Error {
    Error::Unanswerable { parameter, problem: problem.into() }
}

impl<R: Resource> Query<R> {
    /// Understands what was asked of a list of `R` by somebody with this view, or says which parameter cannot be
    /// understood. A field that is hidden from them is none: what can be filtered or sorted by can be guessed. Whether a
    /// cursor is good shows when the list is read: that depends on whose it is.
    pub fn understand(asked: Asked, view: &View) -> Result<Self> {
        let columns = Columns::of::<R>(&view.hidden, &view.reach);
        let filter = asked.filter.as_deref().map(|text| Filter::parse(text, &columns)).transpose()?;
        Self::with(filter, asked, view)
    }

    /// The same of a body.
    pub fn sought(sought: Sought, view: &View) -> Result<Self> {
        let (asked, filter) = sought.parts();
        let columns = Columns::of::<R>(&view.hidden, &view.reach);
        let filter = filter.map(|json| Filter::read(&json, &columns)).transpose()?;
        Self::with(filter, asked, view)
    }

    /// The same of what is in the trash, the newest there first.
    pub fn of_trash(mut asked: Asked, view: &View) -> Result<Self> {
        if asked.q.is_some() {
            return Err(unanswerable("q", "cannot be asked of the trash"));
        }
        asked.sort.get_or_insert_with(|| "-updated_at".to_owned());
        Ok(Self { trash: true, ..Self::understand(asked, view)? })
    }

    fn with(filter: Option<Filter>, asked: Asked, view: &View) -> Result<Self> {
        let columns = Columns::of::<R>(&view.hidden, &view.reach);
        Ok(Self {
            limit: limit(asked.limit.as_deref())?,
            sort: Sort::parse(asked.sort.as_deref().unwrap_or("-created_at"), &columns)?,
            filter,
            looked_for: asked.q.map(|q| LookedFor::of::<R>(q, view)).transpose()?,
            count: match asked.count.as_deref() {
                None => Count::None,
                Some("exact") => Count::Exact,
                Some("capped") => Count::Capped,
                Some(_) => return Err(unanswerable("count", "is neither exact nor capped")),
            },
            cursor: asked.cursor,
            dress: Dress::understand::<R>(asked.fields.as_deref(), asked.expand.as_deref(), view)?,
            trash: false,
            of: PhantomData,
        })
    }

    /// The same, by pages of this size.
    #[must_use]
    pub fn by(self, limit: i64) -> Self {
        Self { limit, ..self }
    }

    /// From here on asks for the page after `cursor`.
    pub fn go_on(&mut self, cursor: Option<String>) {
        self.cursor = cursor;
    }

    /// Whether it reads texts that may be long, record by record.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.looked_for.is_some() || self.filter.as_ref().is_some_and(Filter::is_costly)
    }

    /// How its records are shown.
    #[must_use]
    pub fn dress(&self) -> &Dress {
        &self.dress
    }
}

/// A page of records.
pub async fn list<R: Resource>(tx: &mut TenantTx, query: &Query<R>) -> Result<Page<R>> {
    let filter = query.filter.as_ref().map(ToString::to_string).unwrap_or_default();
    let looked_for = query.looked_for.as_ref().map_or("", |looked_for| looked_for.q.as_str());
    let place = if query.trash { "trash" } else { "" };
    let seal = Seal::new(tx, &[R::PLURAL, place, &query.sort.to_string(), &filter, looked_for]);
    let position = match &query.cursor {
        Some(cursor) => Some(query.sort.position(&seal.open::<Vec<Json>>(cursor)?)?),
        None => None,
    };
    let found = match &query.looked_for {
        Some(looked_for) => Some(looked_for.find::<R>(tx).await?),
        None if query.is_costly() => {
            tx.wait(Patience::COSTLY).await?;
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
    let next_cursor = last.map(|last| seal.close(&query.sort.of(&last)));
    let partial = found.is_some_and(|found| found.partial);
    Ok(Page { data, page: PageInfo { next_cursor, has_more, total, partial } })
}

async fn fetch<R: Resource>(
    tx: &mut TenantTx,
    query: &Query<R>,
    found: Option<&Found>,
    position: Option<&[Value]>,
) -> Result<Vec<Record<R>>> {
    let mut values = Row::default();
    values.put(tx.inside.account);
    let (mut condition, sort) = (condition(tx, query, found, &mut values), query.sort.sql());
    if let Some(position) = position {
        condition.push_str(&query.sort.after(position, &mut values));
    }
    values.put(query.limit + 1);
    let text = format!(
        "select {KEPT}, {} from app.{} record where {condition} order by {sort} limit ${}",
        names::<R>(),
        R::PLURAL,
        values.len()
    );
    let mut statement = tx.built(text);
    statement.row = values;
    statement.all().await.map_err(failed(query.is_costly()))
}

async fn total<R: Resource>(
    tx: &mut TenantTx,
    query: &Query<R>,
    found: Option<&Found>,
    count: Count,
) -> Result<i64> {
    let mut values = Row::default();
    values.put(tx.inside.account);
    let condition = condition(tx, query, found, &mut values);
    let cap = if count == Count::Capped { format!(" limit {CAP}") } else { String::new() };
    let text = format!(
        "select count(*) from (select from app.{} record where {condition}{cap}) as counted",
        R::PLURAL
    );
    let mut statement = tx.built::<(i64,)>(text);
    statement.row = values;
    let total = statement.optional().await.map_err(failed(query.is_costly()))?;
    Ok(total.map_or(0, |(total,)| total))
}

fn condition<R: Resource>(
    tx: &TenantTx,
    query: &Query<R>,
    found: Option<&Found>,
    values: &mut Row,
) -> String {
    let there = if query.trash { "is not null" } else { "is null" };
    let mut condition = format!("account_id = $1 and deleted_at {there}");
    condition.push_str(&tx.reach.listing::<R>());
    if let Some(filter) = &query.filter {
        condition.push_str(" and ");
        condition.push_str(&filter.sql("record", values));
    }
    if let Some(found) = found {
        values.put(&found.ids);
        let found = format!(" and record.id = any (${})", values.len());
        condition.push_str(&found);
    }
    condition
}
