use std::sync::Arc;

use db::Result;

use super::{params::Bucket, unanswerable};
use crate::{
    FieldSchema, Kind, Schema,
    query::column::{Columns, Step},
};

/// Greatest length of a text that records are grouped by: the groups of an answer are held in memory.
const MAX_TEXT_CHARS: u64 = 300;
/// Field with the currency of the amounts of a record.
const CURRENCY: &str = "currency";

/// A field that records are grouped by.
#[derive(Debug)]
pub(super) struct Group {
    /// Name as it was asked for.
    pub(super) name: String,
    /// References that lead to the field.
    steps: Vec<Step>,
    /// Distinguishes the tables that this group joins from those of others.
    number: usize,
    field: Arc<FieldSchema>,
    bucket: Option<Bucket>,
}

/// Whether records can be grouped by the field.
pub(crate) fn is_groupable(schema: &Schema, field: &FieldSchema) -> bool {
    let is_short = schema.max_length(field.name).is_some_and(|length| length <= MAX_TEXT_CHARS);
    match field.kind {
        Kind::Text => is_short,
        Kind::Choice(_) | Kind::Integer | Kind::Id | Kind::Boolean | Kind::Instant | Kind::Date => true,
        Kind::Amount | Kind::Texts | Kind::Json => false,
    }
}

impl Group {
    pub(super) fn parse(
        name: &str,
        number: usize,
        bucket: Option<Bucket>,
        columns: &Columns,
    ) -> Result<Self> {
        let alias = |depth: usize| format!("group_{number}_{depth}");
        let unknown = || unanswerable("group_by", format!("has no field `{name}`"));
        let (steps, schema, field) = columns.through(name, alias).ok_or_else(unknown)?;
        if !is_groupable(schema, &field) {
            return Err(unanswerable("group_by", format!("cannot group by `{name}`")));
        }
        let is_time = matches!(field.kind, Kind::Instant | Kind::Date);
        if field.kind == Kind::Instant && bucket.is_none() {
            return Err(unanswerable("group_by", format!("needs a `bucket` for `{name}`, such as month")));
        }
        Ok(Self { name: name.to_owned(), steps, number, field, bucket: bucket.filter(|_| is_time) })
    }

    /// The group that keeps the amounts of each currency apart, unless it was asked for.
    pub(super) fn currency(columns: &Columns, asked: &[Self]) -> Result<Option<Self>> {
        if asked.iter().any(|group| group.name == CURRENCY) {
            return Ok(None);
        }
        let field = columns.own(CURRENCY).ok_or_else(|| {
            unanswerable(
                "measure",
                "needs the currency of the amounts, which there is none of, or you may not see",
            )
        })?;
        let name = CURRENCY.to_owned();
        Ok(Some(Self { name, steps: Vec::new(), number: asked.len(), field, bucket: None }))
    }

    pub(super) fn has_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// Whether the key depends on the time zone.
    pub(super) fn has_time_zone(&self) -> bool {
        self.field.kind == Kind::Instant
    }

    /// SQL of the key; `zone` is the placeholder of the time zone.
    pub(super) fn sql(&self, zone: &str) -> String {
        let last = self.steps.len().checked_sub(1).map(|depth| self.alias(depth));
        let column = format!("{}.{}", last.as_deref().unwrap_or("record"), self.field.name);
        match (self.bucket, self.field.kind) {
            (Some(bucket), Kind::Instant) => {
                format!("date_trunc('{}', {column} at time zone {zone})::date", bucket.name())
            }
            (Some(bucket), _) => format!("date_trunc('{}', {column}::timestamp)::date", bucket.name()),
            (None, _) => column,
        }
    }

    /// SQL of the joins that lead to the field.
    pub(super) fn joins(&self) -> String {
        let joins = self.steps.iter().enumerate().map(|(depth, step)| {
            let (alias, before) = (self.alias(depth), depth.checked_sub(1).map(|depth| self.alias(depth)));
            format!(
                " left join app.{} {alias} on {alias}.account_id = $1 and {alias}.id = {}.{} and {alias}.deleted_at is null{}",
                step.related.access.table,
                before.as_deref().unwrap_or("record"),
                step.related.column,
                step.reach
            )
        });
        joins.collect()
    }

    fn alias(&self, depth: usize) -> String {
        format!("group_{}_{depth}", self.number)
    }
}
