//! Lists: a page by its key, sorted and filtered by the resource's own columns.

pub(crate) mod cursor;
mod filter;
mod pager;
mod sort;
mod value;

use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::IntoParams;

use crate::{
    Error, Hidden, Kind, Page, PageInfo, Record, Resource, Result, Row, TenantTx, keep::names, record::KEPT,
};
use cursor::Seal;
use filter::Filter;
pub use pager::{Pager, Paging};
use sort::Sort;
use value::Value;

/// Counting stops here when `count=capped` asks for it.
const CAP: i64 = 1_001;

/// The parameters of a list, as they were written.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// How many records: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// The `next_cursor` of the page before; it belongs to the same sort and filter.
    pub cursor: Option<String>,
    /// Fields, each with a `-` before it for the other way round, such as `-created_at,name`.
    #[param(example = "-created_at")]
    pub sort: Option<String>,
    /// A condition, such as `status[eq]:"active"` or `and(status[eq]:"active",rating[eq]:5)`.
    #[param(example = "status[eq]:\"active\"")]
    pub filter: Option<String>,
    /// `exact` counts all, `capped` stops at 1000.
    #[param(value_type = Option<String>, example = "exact")]
    pub count: Option<String>,
}

/// A list that was asked for, understood.
#[derive(Debug)]
pub struct Query<R> {
    limit: i64,
    sort: Sort,
    filter: Option<Filter>,
    count: Count,
    cursor: Option<String>,
    of: PhantomData<fn() -> R>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    None,
    Exact,
    Capped,
}

/// A column that a list may sort and filter by.
#[derive(Debug, Clone, Copy)]
struct Column {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// The columns that every resource has.
const COMMON: &[Column] = &[
    Column { name: "id", kind: Kind::Id, required: true },
    Column { name: "created_at", kind: Kind::Instant, required: true },
    Column { name: "updated_at", kind: Kind::Instant, required: true },
    Column { name: "created_by", kind: Kind::Id, required: true },
    Column { name: "updated_by", kind: Kind::Id, required: true },
    Column { name: "version", kind: Kind::Integer, required: true },
];

fn column<R: Resource>(name: &str) -> Option<Column> {
    let own = R::FIELDS.iter().filter(|field| field.kind != Kind::Texts).map(|field| Column {
        name: field.name,
        kind: field.kind,
        required: field.required,
    });
    own.chain(COMMON.iter().copied()).find(|column| column.name == name)
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
    /// Understands what was asked of a list of `R`, or says which parameter cannot be understood. Whether a cursor is
    /// good shows when the list is read: that depends on whose it is.
    /// A field that is `hidden` from whoever asks is none: what can be filtered or sorted by can be guessed.
    pub fn understand(asked: Asked, hidden: &Hidden) -> Result<Self> {
        let seen = |name: &str| column::<R>(name).filter(|_| !hidden.hide(name));
        Ok(Self {
            limit: limit(asked.limit.as_deref())?,
            sort: Sort::parse(asked.sort.as_deref().unwrap_or("-created_at"), &seen)?,
            filter: asked.filter.as_deref().map(|text| Filter::parse(text, &seen)).transpose()?,
            count: match asked.count.as_deref() {
                None => Count::None,
                Some("exact") => Count::Exact,
                Some("capped") => Count::Capped,
                Some(_) => return Err(unanswerable("count", "is neither exact nor capped")),
            },
            cursor: asked.cursor,
            of: PhantomData,
        })
    }
}

/// A page of records.
pub async fn list<R: Resource>(tx: &mut TenantTx, query: &Query<R>) -> Result<Page<R>> {
    let filter = query.filter.as_ref().map(ToString::to_string).unwrap_or_default();
    let seal = Seal::new(tx, &[R::PLURAL, &query.sort.to_string(), &filter]);
    let position = match &query.cursor {
        Some(cursor) => Some(query.sort.position(&seal.open::<Vec<Json>>(cursor)?)?),
        None => None,
    };
    let mut data = fetch(tx, query, position.as_deref()).await?;
    let total = match query.count {
        Count::None => None,
        count => Some(total(tx, query, count).await?),
    };

    let size = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let has_more = data.len() > size;
    data.truncate(size);
    let last = data.last().filter(|_| has_more).and_then(|last| serde_json::to_value(last).ok());
    let next_cursor = last.map(|last| seal.close(&query.sort.of(&last)));
    Ok(Page { data, page: PageInfo { next_cursor, has_more, total } })
}

async fn fetch<R: Resource>(
    tx: &mut TenantTx,
    query: &Query<R>,
    position: Option<&[Value]>,
) -> Result<Vec<Record<R>>> {
    let mut values = Row::default();
    values.put(tx.inside.account);
    let (mut condition, sort) = (condition(tx, query, &mut values), query.sort.sql());
    if let Some(position) = position {
        condition.push_str(&query.sort.after(position, &mut values));
    }
    values.put(query.limit + 1);
    let text = format!(
        "select {KEPT}, {} from app.{} where {condition} order by {sort} limit ${}",
        names::<R>(),
        R::PLURAL,
        values.len()
    );
    let mut statement = tx.built(text);
    statement.row = values;
    Ok(statement.all().await?)
}

async fn total<R: Resource>(tx: &mut TenantTx, query: &Query<R>, count: Count) -> Result<i64> {
    let mut values = Row::default();
    values.put(tx.inside.account);
    let condition = condition(tx, query, &mut values);
    let cap = if count == Count::Capped { format!(" limit {CAP}") } else { String::new() };
    let text =
        format!("select count(*) from (select from app.{} where {condition}{cap}) as counted", R::PLURAL);
    let mut statement = tx.built::<(i64,)>(text);
    statement.row = values;
    Ok(statement.optional().await?.map_or(0, |(total,)| total))
}

fn condition<R: Resource>(tx: &TenantTx, query: &Query<R>, values: &mut Row) -> String {
    let mut condition = "account_id = $1 and deleted_at is null".to_owned();
    condition.push_str(&tx.reach.condition::<R>());
    if let Some(filter) = &query.filter {
        condition.push_str(" and ");
        condition.push_str(&filter.sql(values));
    }
    condition
}
