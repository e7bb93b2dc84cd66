use db::Result;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{MAX_ROWS, unanswerable};

/// Query parameters of a request for aggregates, before parsing.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AggregateParams {
    /// Comma-separated fields to group by, at most 3; also of related records, through at most two references, such as
    /// `status,project.client.industry`. Without it all records are one group, or those of each currency.
    #[param(example = "status", max_length = 1000)]
    pub group_by: Option<String>,
    /// Comma-separated measures, at most 10: `count`, `sum(field)`, `avg(field)`, `min(field)`, `max(field)`. Amounts of
    /// money are computed for each currency by itself.
    #[param(example = "count", max_length = 1000)]
    pub measure: Option<String>,
    /// Span that dates and instants are grouped by: `day`, `week` (from Monday), `month`, `quarter` or `year`.
    #[param(max_length = 7)]
    pub bucket: Option<String>,
    /// Time zone of the days of instants, by its IANA name; UTC by default.
    #[param(max_length = 100)]
    pub tz: Option<String>,
    /// Filter condition, as in a list request.
    #[param(max_length = 4096)]
    pub filter: Option<String>,
    /// Comma-separated groups and measures to sort by; a leading `-` sorts descending. By default the groups are in their
    /// own order. Null is last.
    #[param(max_length = 1000)]
    pub sort: Option<String>,
    /// Maximum number of groups: 1 to 1000, default 100.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub limit: Option<String>,
}

/// Span that points in time are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Bucket {
    const ALL: [(&'static str, Self); 5] = [
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
    ];

    /// Name, in requests and in SQL (`date_trunc`).
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, bucket)| *bucket == self).map_or("day", |(name, _)| name)
    }
}

pub(super) fn bucket(asked: Option<&str>) -> Result<Option<Bucket>> {
    let Some(asked) = asked else { return Ok(None) };
    let found = Bucket::ALL.iter().find(|(name, _)| *name == asked);
    let found =
        found.ok_or_else(|| unanswerable("bucket", "is one of day, week, month, quarter and year"))?;
    Ok(Some(found.1))
}

/// Greatest length of a list of names, in bytes.
const MAX_NAMES_BYTES: usize = 1_000;

/// Splits a list of names; refuses one that occurs twice.
pub(super) fn names(parameter: &'static str, text: Option<&str>, most: usize) -> Result<Vec<String>> {
    if text.is_some_and(|text| text.len() > MAX_NAMES_BYTES) {
        return Err(unanswerable(parameter, format!("is longer than {MAX_NAMES_BYTES} bytes")));
    }
    let mut names: Vec<String> = Vec::new();
    for name in text.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
        if names.iter().any(|known| known == name) {
            return Err(unanswerable(parameter, format!("names `{name}` twice")));
        }
        names.push(name.to_owned());
        if names.len() > most {
            return Err(unanswerable(parameter, format!("has more than {most} names")));
        }
    }
    Ok(names)
}

/// Positions of the columns to sort by, with the groups behind them, so that the order is total. `columns` are the names of
/// the groups, of which there are `groups`, and of the measures.
pub(super) fn sort(asked: Option<&str>, columns: &[&str], groups: usize) -> Result<Vec<(usize, bool)>> {
    let mut sort = Vec::new();
    for word in names("sort", asked, columns.len())? {
        let (name, descending) = word.strip_prefix('-').map_or((&*word, false), |name| (name, true));
        let at = columns.iter().position(|column| *column == name);
        let unknown = || unanswerable("sort", format!("has no group or measure `{name}`"));
        sort.push((at.ok_or_else(unknown)?, descending));
    }
    let is_new = |at: &usize| !sort.iter().any(|(known, _)| known == at);
    let rest: Vec<_> = (0..groups.max(1)).filter(is_new).collect();
    sort.extend(rest.into_iter().map(|at| (at, false)));
    Ok(sort)
}

pub(super) fn limit(asked: Option<&str>) -> Result<i64> {
    let limit = asked.map_or(Ok(100), str::parse::<i64>).ok();
    limit
        .filter(|limit| (1..=MAX_ROWS).contains(limit))
        .ok_or_else(|| unanswerable("limit", format!("must be a number from 1 to {MAX_ROWS}")))
}

pub(super) fn time_zone(asked: Option<String>) -> Result<String> {
    let zone = asked.unwrap_or_else(|| "UTC".to_owned());
    if kernel::time_zone(&zone).is_none() {
        return Err(unanswerable("tz", "must be a time zone such as Europe/Berlin"));
    }
    Ok(zone)
}
