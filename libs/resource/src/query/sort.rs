//! Sort orders such as `sort=-created_at,name`, and the keyset condition for the rows after a position.

use std::{fmt, sync::Arc};

use db::{Bindings, Result};
use serde_json::Value as Json;

use super::{column::Columns, unanswerable, value::Value};
use crate::{FieldSchema, StoredRecord};

/// Maximum number of sort keys; each combination would need an index of its own.
pub(crate) const MAX_KEYS: usize = 4;
/// Maximum length of the parameter; that many keys have no longer names.
const MAX_SORT_BYTES: usize = 300;

/// A total order of the records: the last key is the id.
#[derive(Debug)]
pub(super) struct Sort(Vec<Key>);

#[derive(Debug)]
struct Key {
    field: Arc<FieldSchema>,
    descending: bool,
}

impl Sort {
    pub(super) fn parse(text: &str, columns: &Columns) -> Result<Self> {
        if text.len() > MAX_SORT_BYTES {
            return Err(unanswerable("sort", format!("is longer than {MAX_SORT_BYTES} bytes")));
        }
        let mut keys: Vec<Key> = Vec::new();
        for word in text.split(',') {
            let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
            let field =
                columns.own(name).ok_or_else(|| unanswerable("sort", format!("has no field `{name}`")))?;
            if keys.iter().any(|key| key.field.name == name) {
                return Err(unanswerable("sort", format!("names `{name}` twice")));
            }
            keys.push(Key { field, descending });
        }
        if keys.len() > MAX_KEYS {
            return Err(unanswerable("sort", format!("has more than {MAX_KEYS} fields")));
        }
        if !keys.iter().any(|key| key.field.name == "id") {
            let descending = keys.last().is_some_and(|key| key.descending);
            keys.extend(columns.own("id").map(|field| Key { field, descending }));
        }
        Ok(Self(keys))
    }

    /// Sort keys for an `order by` clause.
    pub(super) fn sql(&self) -> String {
        let keys = self
            .0
            .iter()
            .map(|key| format!("{}{}", key.field.name, if key.descending { " desc" } else { "" }));
        keys.collect::<Vec<_>>().join(", ")
    }

    /// Sort key values of a record, for a cursor.
    pub(super) fn position_of(&self, record: &StoredRecord) -> Result<Vec<Json>> {
        self.0.iter().map(|key| record.member(key.field.name)).collect()
    }

    /// Parses the sort key values of a cursor.
    pub(super) fn position(&self, of: &[Json]) -> Result<Vec<Value>> {
        let values = self.0.iter().zip(of).map(|(key, json)| Value::read(key.field.kind, json).ok());
        let values: Option<Vec<_>> = values.collect();
        values
            .filter(|values| values.len() == self.0.len())
            .ok_or_else(|| unanswerable("cursor", "is not one of ours"))
    }

    /// SQL condition (` and …`) for the records after `position`.
    ///
    /// With one direction and no nullable column it is a row comparison, which an index supports. Otherwise it
    /// compares key by key, with nulls greater than everything, as PostgreSQL sorts them.
    pub(super) fn after(&self, position: &[Value], values: &mut Bindings) -> String {
        let parameters: Vec<String> = position
            .iter()
            .map(|value| if *value == Value::Null { "null".to_owned() } else { value.bind(values) })
            .collect();
        let descending = self.0.first().is_some_and(|key| key.descending);
        if self.0.iter().all(|key| key.field.required && key.descending == descending) {
            let names: Vec<_> = self.0.iter().map(|key| key.field.name).collect();
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
    /// SQL conditions that a record's key is beyond `parameter` in this order, and that it equals it.
    fn beyond(&self, parameter: &str) -> (String, String) {
        let name = self.field.name;
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

/// Canonical form of the order; cursors are bound to it.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql())
    }
}
