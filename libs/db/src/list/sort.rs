//! `sort=-created_at,name`, and the condition that finds what follows a record in that order.

use std::fmt;

use serde_json::Value as Json;

use super::{Column, Columns, unanswerable, value::Value};
use crate::{Result, Row};

/// More keys than these help nobody and cost an index each.
const MOST_KEYS: usize = 4;
/// So many keys have no longer names.
const LONGEST: usize = 300;

/// An order in which no two records are equal: the last key is the identity.
#[derive(Debug)]
pub(super) struct Sort(Vec<Key>);

#[derive(Debug)]
struct Key {
    column: Column,
    descending: bool,
}

impl Sort {
    pub(super) fn parse(text: &str, columns: &Columns) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(unanswerable("sort", format!("is longer than {LONGEST} bytes")));
        }
        let mut keys: Vec<Key> = Vec::new();
        for word in text.split(',') {
            let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
            let column =
                columns.own(name).ok_or_else(|| unanswerable("sort", format!("has no field `{name}`")))?;
            if keys.iter().any(|key| key.column.name == name) {
                return Err(unanswerable("sort", format!("names `{name}` twice")));
            }
            keys.push(Key { column, descending });
        }
        if keys.len() > MOST_KEYS {
            return Err(unanswerable("sort", format!("has more than {MOST_KEYS} fields")));
        }
        if !keys.iter().any(|key| key.column.name == "id") {
            let descending = keys.last().is_some_and(|key| key.descending);
            keys.extend(columns.own("id").map(|column| Key { column, descending }));
        }
        Ok(Self(keys))
    }

    /// As `order by` writes it.
    pub(super) fn sql(&self) -> String {
        let keys = self
            .0
            .iter()
            .map(|key| format!("{}{}", key.column.name, if key.descending { " desc" } else { "" }));
        keys.collect::<Vec<_>>().join(", ")
    }

    /// Where a record stands in this order.
    pub(super) fn of(&self, record: &Json) -> Vec<Json> {
        self.0.iter().map(|key| record.get(key.column.name).cloned().unwrap_or(Json::Null)).collect()
    }

    /// The same, as it comes back in a cursor.
    pub(super) fn position(&self, of: &[Json]) -> Result<Vec<Value>> {
        let values = self.0.iter().zip(of).map(|(key, json)| Value::read(key.column.kind, json).ok());
        let values: Option<Vec<_>> = values.collect();
        values
            .filter(|values| values.len() == self.0.len())
            .ok_or_else(|| unanswerable("cursor", "is not one of ours"))
    }

    /// ` and …`: the condition for the records after `position`.
    ///
    /// One direction and no nulls: a row comparison, which an index answers. Otherwise key by key, nulls being
    /// greater than everything, as PostgreSQL sorts them.
    pub(super) fn after(&self, position: &[Value], values: &mut Row) -> String {
        let parameters: Vec<String> = position
            .iter()
            .map(|value| if *value == Value::Null { "null".to_owned() } else { value.bind(values) })
            .collect();
        let descending = self.0.first().is_some_and(|key| key.descending);
        if self.0.iter().all(|key| key.column.required && key.descending == descending) {
            let names: Vec<_> = self.0.iter().map(|key| key.column.name).collect();
            let than = if descending { "<" } else { ">" };
            return format!(" and ({}) {than} ({})", names.join(", "), parameters.join(", "));
        }
        let keys = self.0.iter().zip(&parameters).rev();
        let after = keys.fold(None, |rest: Option<String>, (key, parameter)| {
            let (beyond, same) = key.beyond(parameter);
            Some(rest.map_or_else(|| beyond.clone(), |rest| format!("({beyond} or ({same} and {rest}))")))
        });
        after.map(|after| format!(" and {after}")).unwrap_or_default()
    }
}

impl Key {
    /// The conditions that a record's key is beyond `parameter` in this order, and that it is the same.
    fn beyond(&self, parameter: &str) -> (String, String) {
        let name = self.column.name;
        match (parameter == "null", self.descending) {
            (true, false) => ("false".to_owned(), format!("{name} is null")),
            (true, true) => (format!("{name} is not null"), format!("{name} is null")),
            (false, false) => {
                (format!("({name} > {parameter} or {name} is null)"), format!("{name} = {parameter}"))
            }
            (false, true) => (format!("{name} < {parameter}"), format!("{name} = {parameter}")),
        }
    }
}

/// The order in one spelling, which a cursor belongs to.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql())
    }
}
