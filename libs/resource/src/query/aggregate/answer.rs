use db::{ColumnValue, OwnedRow};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use utoipa::ToSchema;

/// Aggregates of records by groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct Aggregates {
    /// Groups in the order that was asked for.
    data: Vec<AggregateGroup>,
    /// Whether there are more groups than `limit`.
    has_more: bool,
}

/// A group of records, with its measures.
#[derive(Debug, ToSchema)]
pub struct AggregateGroup {
    /// Value of each field of `group_by`, and the `currency` of amounts. A bucket is the first of its days. Null is the
    /// group of the records without a value, or whose related record may not be read.
    #[schema(value_type = Object, example = json!({ "status": "active", "currency": "EUR" }))]
    group: Vec<(String, usize)>,
    /// Value of each measure. Sums of integers are numbers; amounts and averages are decimals in strings, averages with
    /// at most 4 digits after the point. Null if no record has a value.
    #[schema(value_type = Object, example = json!({ "count": 2, "sum(credit_limit)": "2500.00" }))]
    measures: Vec<(String, usize)>,
    #[schema(ignore)]
    row: OwnedRow,
}

impl Aggregates {
    /// Wraps the rows of the result, whose columns are the groups and then the measures.
    pub(super) fn new(
        mut rows: Vec<OwnedRow>,
        limit: usize,
        groups: Vec<String>,
        measures: Vec<String>,
    ) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let group: Vec<_> = groups.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
        let first = group.len();
        let measures: Vec<_> =
            measures.into_iter().enumerate().map(|(at, name)| (name, first + at)).collect();
        let one = |row| AggregateGroup { group: group.clone(), measures: measures.clone(), row };
        Self { data: rows.into_iter().map(one).collect(), has_more }
    }
}

impl Serialize for AggregateGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<ColumnValue<'_>> = self.row.columns().map(|(_, value)| value).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("group", &Named { names: &self.group, values: &values })?;
        map.serialize_entry("measures", &Named { names: &self.measures, values: &values })?;
        map.end()
    }
}

/// Values of a row by the names that they were asked for by.
struct Named<'r> {
    names: &'r [(String, usize)],
    values: &'r [ColumnValue<'r>],
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().map(|(name, at)| (name, self.values.get(*at))))
    }
}
