//! Reference implementation of filters and sort orders: over records in memory, without SQL.

use std::cmp::Ordering;

use kernel::Amount;
use resource::{Kind, Resource};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A column that lists filter and sort by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// A comparable value of a column. Dates and ids compare as strings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Text(String),
    Integer(i64),
    Amount(Amount),
    Instant(OffsetDateTime),
    Boolean(bool),
}

/// All columns of `R` that lists filter and sort by.
pub(super) fn columns<R: Resource>() -> Vec<Column> {
    let common = [
        ("id", Kind::Id),
        ("created_at", Kind::Instant),
        ("updated_at", Kind::Instant),
        ("created_by", Kind::Id),
        ("updated_by", Kind::Id),
        ("version", Kind::Integer),
    ];
    let own = R::FIELDS.iter().map(|field| (field.name(), field.kind()));
    let listed = own.filter(|(_, kind)| !matches!(kind, Kind::Texts | Kind::Json));
    listed.chain(common).map(|(name, kind)| Column { name, kind }).collect()
}

impl Column {
    pub(super) fn key(self, value: &Value) -> Option<Key> {
        let text = || value.as_str().unwrap();
        match self.kind {
            _ if value.is_null() => None,
            Kind::Integer => Some(Key::Integer(value.as_i64().unwrap())),
            Kind::Amount => Some(Key::Amount(text().parse().unwrap())),
            Kind::Instant => Some(Key::Instant(OffsetDateTime::parse(text(), &Rfc3339).unwrap())),
            Kind::Boolean => Some(Key::Boolean(value.as_bool().unwrap())),
            _ => Some(Key::Text(text().to_owned())),
        }
    }

    /// Operators that the column's kind supports.
    pub(super) fn operators(self) -> Vec<&'static str> {
        let mut all = vec!["eq", "ne"];
        if self.kind != Kind::Boolean {
            all.extend(["in", "nin"]);
        }
        if matches!(self.kind, Kind::Text | Kind::Integer | Kind::Amount | Kind::Instant | Kind::Date) {
            all.extend(["lt", "lte", "gt", "gte"]);
        }
        if self.kind == Kind::Text {
            all.extend(["contains", "starts_with"]);
        }
        all
    }

    /// Operators that the column's kind does not support.
    pub(super) fn refused(self) -> impl Iterator<Item = &'static str> {
        let known = self.operators();
        let all = ["in", "lt", "lte", "gt", "gte", "contains", "starts_with", "like"];
        all.into_iter().filter(move |operator| !known.contains(operator))
    }

    /// Whether a record satisfies a condition. A comparison with null is false.
    pub(super) fn meets(self, record: &Value, operator: &str, wanted: &Value) -> bool {
        let (has, want) = (self.key(&record[self.name]), || self.key(wanted));
        let among = || wanted.as_array().unwrap().iter().any(|one| self.key(one) == has);
        match operator {
            "is" => has.is_none(),
            "ne" => has != want(),
            "nin" => has.is_none() || !among(),
            _ if has.is_none() => false,
            "eq" => has == want(),
            "in" => among(),
            "lt" => has < want(),
            "lte" => has <= want(),
            "gt" => has > want(),
            "gte" => has >= want(),
            "contains" => record[self.name].as_str().unwrap().contains(wanted.as_str().unwrap()),
            "starts_with" => record[self.name].as_str().unwrap().starts_with(wanted.as_str().unwrap()),
            other => panic!("unknown filter operator {other}"),
        }
    }

    /// Sort order of two records: nulls are greater than everything, ties are ordered by id.
    pub(super) fn order(self, one: &Value, other: &Value) -> Ordering {
        let key = |record: &Value| self.key(&record[self.name]);
        let by_key = match (key(one), key(other)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (one, other) => one.cmp(&other),
        };
        by_key.then_with(|| one["id"].as_str().cmp(&other["id"].as_str()))
    }

    /// Values to compare with: some that occur in records, and one that does not, if possible.
    pub(super) fn probes(self, records: &[Value]) -> Vec<Value> {
        let mut there: Vec<&Value> =
            records.iter().map(|record| &record[self.name]).filter(|value| !value.is_null()).collect();
        there.sort_by_key(|value| self.key(value));
        there.dedup();
        let mut probes: Vec<Value> = [there.first(), there.get(there.len() / 2), there.last()]
            .into_iter()
            .flatten()
            .map(|one| (*one).clone())
            .collect();
        match self.kind {
            Kind::Text => probes.extend([json!("a"), json!("nobody is called this"), json!("%")]),
            Kind::Integer => probes.push(json!(4)),
            Kind::Amount => probes.push(json!("7.5")),
            Kind::Instant => probes.push(json!("2026-03-01T10:30:00+01:00")),
            Kind::Date => probes.push(json!("2024-03-01")),
            Kind::Id => probes.push(json!(uuid::Uuid::nil())),
            _ => {}
        }
        probes.dedup();
        probes
    }
}
