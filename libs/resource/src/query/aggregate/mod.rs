//! Aggregates: counts, sums, averages and extremes of the records that a list would show, by groups.
//!
//! Rights are those of lists: only readable records count, and hidden fields are unknown, as are relations to resources of
//! which the caller may read nothing. What a reference leads to is null where it may not be read, or is in the trash.

mod answer;
mod group;
mod measure;
mod params;

use db::{Bindings, Error, OwnedRow, ReadView, Result, SqlError, TenantTx};

pub use answer::{AggregateGroup, Aggregates};
use group::Group;
pub(crate) use group::is_groupable;
use measure::Measure;
pub(crate) use measure::measures;
pub use params::AggregateParams;

use super::{
    Query,
    column::Columns,
    costly::{StatementTimeout, TooManyRecords},
    unanswerable,
};
use crate::{ListParams, ResourceHandle};

/// Greatest number of fields to group by.
pub(crate) const MAX_GROUPS: usize = 3;
/// Greatest number of measures.
pub(crate) const MAX_MEASURES: usize = 10;
/// Greatest number of groups in an answer.
pub(crate) const MAX_ROWS: i64 = 1_000;

/// A parsed and validated request for aggregates.
#[derive(Debug)]
pub struct Aggregate {
    records: Query,
    groups: Vec<Group>,
    measures: Vec<Measure>,
    /// Position of the column in the result, and whether the order is descending.
    sort: Vec<(usize, bool)>,
    limit: i64,
    time_zone: String,
}

/// SQLSTATE of an invalid parameter value, such as a time zone that the server does not know.
const INVALID_PARAMETER_VALUE: &str = "22023";

fn refused(error: SqlError) -> Error {
    if StatementTimeout::is_over(&error) {
        return TooManyRecords.into();
    }
    match error.code() {
        Some(code) if code == INVALID_PARAMETER_VALUE => unanswerable("tz", "is unknown to the database"),
        _ => error.into(),
    }
}

impl Aggregate {
    /// Parses and validates the parameters; fails with the parameter that is invalid.
    pub fn parse(resource: &ResourceHandle, asked: AggregateParams, view: &ReadView) -> Result<Self> {
        let (schema, bucket) = (resource.schema(), params::bucket(asked.bucket.as_deref())?);
        let columns = Columns::new(schema, &view.hidden, &view.scope);
        let mut groups = Vec::new();
        for (at, name) in params::names("group_by", asked.group_by.as_deref(), MAX_GROUPS)?.iter().enumerate()
        {
            groups.push(Group::parse(name, at, bucket, &columns)?);
        }
        if bucket.is_some() && !groups.iter().any(Group::has_bucket) {
            return Err(unanswerable("bucket", "needs a date or an instant in `group_by`"));
        }
        let asked_measures =
            params::names("measure", asked.measure.as_deref().or(Some("count")), MAX_MEASURES)?;
        let measures: Vec<Measure> =
            asked_measures.iter().map(|text| Measure::parse(text, &columns)).collect::<Result<_>>()?;
        if measures.iter().any(Measure::is_money) {
            groups.extend(Group::currency(&columns, &groups)?);
        }
        let names = groups.iter().map(|group| &*group.name);
        let columns: Vec<&str> = names.chain(measures.iter().map(|measure| &*measure.name)).collect();
        let sort = params::sort(asked.sort.as_deref(), &columns, groups.len())?;
        let records = ListParams { filter: asked.filter, ..ListParams::default() };
        Ok(Self {
            records: Query::parse(resource, records, view)?,
            groups,
            measures,
            sort,
            limit: params::limit(asked.limit.as_deref())?,
            time_zone: params::time_zone(asked.tz)?,
        })
    }

    /// Computes the aggregates.
    pub async fn compute(self, tx: &mut TenantTx) -> Result<Aggregates> {
        tx.set_statement_timeout(StatementTimeout::COSTLY);
        let mut values = tx.bindings();
        let text = self.sql(tx, &mut values);
        let statement = tx.generated_with::<OwnedRow>(text, values);
        let rows = statement.all_once().await.map_err(refused)?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let names = self.groups.into_iter().map(|group| group.name).collect();
        let measures = self.measures.into_iter().map(|measure| measure.name).collect();
        Ok(Aggregates::new(rows, limit, names, measures))
    }

    /// The statement: `$1` is the account. The records are selected first, so that the joins add no condition on them.
    fn sql(&self, tx: &TenantTx, values: &mut Bindings) -> String {
        let condition = self.records.condition(tx, None, values);
        let zone = self.groups.iter().any(Group::has_time_zone).then(|| {
            values.bind(&self.time_zone);
            format!("${}", values.len())
        });
        let keys = self.groups.iter().map(|group| group.sql(zone.as_deref().unwrap_or_default()));
        let columns: Vec<String> = keys.chain(self.measures.iter().map(Measure::sql)).collect();
        let joins: String = self.groups.iter().map(Group::joins).collect();
        let by: Vec<String> = (1..=self.groups.len()).map(|at| at.to_string()).collect();
        let by = if by.is_empty() { String::new() } else { format!(" group by {}", by.join(", ")) };
        let order: Vec<String> = self
            .sort
            .iter()
            .map(|(at, descending)| {
                format!("{}{} nulls last", at + 1, if *descending { " desc" } else { "" })
            })
            .collect();
        values.bind(self.limit + 1);
        format!(
            "select {} from (select * from app.{} record where {condition}) record{joins}{by} order by {} limit ${}",
            columns.join(", "),
            self.records.resource.schema().table(),
            order.join(", "),
            values.len()
        )
    }
}
