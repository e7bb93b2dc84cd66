//! Lists: keyset pagination, sorting and filtering by the resource's columns.

mod aggregate;
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

pub use aggregate::{Aggregate, AggregateGroup, AggregateParams, Aggregates};
pub(crate) use aggregate::{MAX_GROUPS, MAX_MEASURES, MAX_ROWS, is_groupable, measures};
use column::Columns;
use costly::{StatementTimeout, failed};
use cursor::CursorCodec;
use db::{Bindings, Error, ReadView, Result, TenantTx};
use filter::Filter;
use serde_json::Value as Json;

use crate::{Page, PageInfo, ResourceHandle, StoredRecord};
pub use filter::schema as filter_schema;
pub(crate) use filter::{MAX_CONTAINS, MAX_DEPTH, MAX_TERMS, MAX_VALUES};
pub use pager::{PageParams, Pager};
pub use params::{FieldsParams, ListParams, SearchRequest};
pub use projection::{Expanded, Projected, Projection};
use search::{Matches, SearchTerms};
pub use selection::{MAX_SELECTED, Selection, SelectionRefusal};
pub(crate) use sort::MAX_KEYS;
use sort::Sort;
use value::Value;

/// Names of the operators that filters can use on fields of this kind.
pub(crate) fn operators(kind: crate::Kind) -> Vec<&'static str> {
    filter::Operator::names_of(kind)
}

/// With `count=capped`, counting stops at this number.
const CAP: i64 = 1_001;

/// A parsed and validated list request.
#[derive(Debug)]
pub struct Query {
    resource: ResourceHandle,
    limit: i64,
    sort: Sort,
    filter: Option<Filter>,
    looked_for: Option<SearchTerms>,
    count: Count,
    cursor: Option<String>,
    projection: Projection,
    trash: bool,
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

impl Query {
    /// Parses and validates the parameters of a list; fails with the parameter that is invalid. Hidden fields are
    /// treated as unknown, because filtering and sorting disclose values. The cursor is verified only when the list is
    /// read, since it is bound to the account.
    pub fn parse(resource: &ResourceHandle, asked: ListParams, view: &ReadView) -> Result<Self> {
        let columns = Columns::new(resource.schema(), &view.hidden, &view.scope);
        let filter = asked.filter.as_deref().map(|text| Filter::parse(text, &columns)).transpose()?;
        Self::from_params(resource, filter, asked, view)
    }

    /// Parses and validates a list request that was sent as a body.
    pub fn from_search(resource: &ResourceHandle, sought: SearchRequest, view: &ReadView) -> Result<Self> {
        let (asked, filter) = sought.parts();
        let columns = Columns::new(resource.schema(), &view.hidden, &view.scope);
        let filter = filter.map(|json| Filter::read(&json, &columns)).transpose()?;
        Self::from_params(resource, filter, asked, view)
    }

    /// Parses and validates a list of the trash; by default sorted by `-updated_at`.
    pub fn from_trash(resource: &ResourceHandle, mut asked: ListParams, view: &ReadView) -> Result<Self> {
        if asked.q.is_some() {
            return Err(unanswerable("q", "cannot be asked of the trash"));
        }
        asked.sort.get_or_insert_with(|| "-updated_at".to_owned());
        Ok(Self { trash: true, ..Self::parse(resource, asked, view)? })
    }

    fn from_params(
        resource: &ResourceHandle,
        filter: Option<Filter>,
        asked: ListParams,
        view: &ReadView,
    ) -> Result<Self> {
        let schema = resource.schema();
        let columns = Columns::new(schema, &view.hidden, &view.scope);
        Ok(Self {
            resource: resource.clone(),
            limit: limit(asked.limit.as_deref())?,
            sort: Sort::parse(asked.sort.as_deref().unwrap_or("-created_at"), &columns)?,
            filter,
            looked_for: asked.q.map(|q| SearchTerms::new(schema, q, view)).transpose()?,
            count: match asked.count.as_deref() {
                None => Count::None,
                Some("exact") => Count::Exact,
                Some("capped") => Count::Capped,
                Some(_) => return Err(unanswerable("count", "is neither exact nor capped")),
            },
            cursor: asked.cursor,
            projection: Projection::parse(schema, asked.fields.as_deref(), asked.expand.as_deref(), view)?,
            trash: false,
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

    /// The projection of a query that was read.
    #[must_use]
    pub fn into_projection(self) -> Projection {
        self.projection
    }

    /// Reads one page of records.
    pub async fn page(&self, tx: &mut TenantTx) -> Result<Page> {
        let filter = self.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        let looked_for = self.looked_for.as_ref().map_or("", |looked_for| looked_for.q.as_str());
        let place = if self.trash { "trash" } else { "" };
        let table = self.resource.schema().table();
        let seal = CursorCodec::new(tx, &[table, place, &self.sort.to_string(), &filter, looked_for]);
        let position = match &self.cursor {
            Some(cursor) => Some(self.sort.position(&seal.decode::<Vec<Json>>(cursor)?)?),
            None => None,
        };
        let found = match &self.looked_for {
            Some(looked_for) => Some(looked_for.find(self.resource.schema(), tx).await?),
            None if self.is_costly() => {
                tx.set_statement_timeout(StatementTimeout::COSTLY);
                None
            }
            None => None,
        };
        let mut data = self.fetch(tx, found.as_ref(), position.as_deref()).await?;
        let total = match self.count {
            Count::None => None,
            count => Some(self.total(tx, found.as_ref(), count).await?),
        };

        let size = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = data.len() > size;
        data.truncate(size);
        let next_cursor = match data.last().filter(|_| has_more) {
            Some(last) => Some(seal.encode(&self.sort.position_of(last)?)),
            None => None,
        };
        let partial = found.is_some_and(|found| found.partial);
        Ok(Page { data, page: PageInfo { next_cursor, has_more, total, partial } })
    }

    async fn fetch(
        &self,
        tx: &mut TenantTx,
        found: Option<&Matches>,
        position: Option<&[Value]>,
    ) -> Result<Vec<StoredRecord>> {
        let mut values = tx.bindings();
        let mut condition = self.condition(tx, found, &mut values);
        if let Some(position) = position {
            condition.push_str(&self.sort.after(position, &mut values));
        }
        values.bind(self.limit + 1);
        let schema = self.resource.schema();
        let text = format!(
            "select {} from app.{} record where {condition} order by {} limit ${}",
            schema.columns,
            schema.table(),
            self.sort.sql(),
            values.len()
        );
        let statement = tx.generated_with(text, values);
        statement.all().await.map_err(failed(self.is_costly()))
    }

    async fn total(&self, tx: &mut TenantTx, found: Option<&Matches>, count: Count) -> Result<i64> {
        let mut values = tx.bindings();
        let condition = self.condition(tx, found, &mut values);
        let cap = if count == Count::Capped { format!(" limit {CAP}") } else { String::new() };
        let text = format!(
            "select count(*) from (select from app.{} record where {condition}{cap}) as counted",
            self.resource.schema().table()
        );
        let statement = tx.generated_with::<(i64,)>(text, values);
        let total = statement.optional().await.map_err(failed(self.is_costly()))?;
        Ok(total.map_or(0, |(total,)| total))
    }

    /// SQL condition of the records that the query is about.
    fn condition(&self, tx: &TenantTx, found: Option<&Matches>, values: &mut Bindings) -> String {
        let there = if self.trash { "is not null" } else { "is null" };
        let mut condition = format!("account_id = $1 and deleted_at {there}");
        condition.push_str(&tx.scope().listing(&self.resource.schema().access));
        if let Some(filter) = &self.filter {
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
}
