use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::query::{
    MAX_CONTAINS, MAX_DEPTH, MAX_GROUPS, MAX_KEYS, MAX_MEASURES, MAX_ROWS, MAX_TERMS, MAX_VALUES,
};

/// Limits of the values of a field; those that do not apply are left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Limits {
    /// Least number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<u64>,
    /// Greatest number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u64>,
    /// Regular expression that a text matches (ECMA-262).
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// Format of a text, such as `email` or `uri` (JSON Schema).
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// Least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// Greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    /// Greatest number of items of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_items: Option<u64>,
}

impl Limits {
    /// The limits that a JSON Schema has.
    pub(super) fn from_facts(facts: &Map<String, Value>) -> Self {
        let count = |name: &str| facts.get(name).and_then(Value::as_u64);
        let number = |name: &str| facts.get(name).and_then(Value::as_f64);
        let text = |name: &str| facts.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Self {
            min_length: count("minLength"),
            max_length: count("maxLength"),
            pattern: text("pattern"),
            format: text("format").filter(|_| facts.get("type").is_some_and(holds_text)),
            minimum: number("minimum"),
            maximum: number("maximum"),
            max_items: count("maxItems"),
        }
    }
}

/// Whether this type of JSON Schema is that of texts, or of texts and null.
fn holds_text(kind: &Value) -> bool {
    kind == "string" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "string"))
}

/// Limits of the lists of every resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListLimits {
    /// Greatest number of records on a page.
    page: u32,
    /// Greatest number of fields of a sort order.
    sort_fields: usize,
    /// Greatest number of conditions of a filter, at any depth.
    filter_terms: usize,
    /// Greatest depth of `and`, `or` and `not`.
    filter_depth: usize,
    /// Greatest number of values of one `in`.
    filter_values: usize,
    /// Greatest number of conditions with `contains`.
    filter_contains: usize,
    /// Greatest number of fields to group by.
    groups: usize,
    /// Greatest number of measures of a request.
    measures: usize,
    /// Greatest number of groups of an answer.
    group_rows: i64,
}

impl ListLimits {
    /// The limits, which are the same for all accounts.
    pub const ALL: Self = Self {
        page: 200,
        sort_fields: MAX_KEYS,
        filter_terms: MAX_TERMS,
        filter_depth: MAX_DEPTH,
        filter_values: MAX_VALUES,
        filter_contains: MAX_CONTAINS,
        groups: MAX_GROUPS,
        measures: MAX_MEASURES,
        group_rows: MAX_ROWS,
    };
}
