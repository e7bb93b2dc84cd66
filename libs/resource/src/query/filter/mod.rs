//! Filters: conditions such as `and(status[eq]:"active",or(rating[gte]:4,not(owner_id[is]:null)))`, or their JSON
//! form.
//!
//! A condition is true or false, never unknown: a comparison with a null field is false, and `not` makes it true.

mod json;
mod parse;
mod sql;
#[cfg(test)]
mod tests;

use std::fmt;

use db::{Error, Result};
use serde_json::{Value as Json, json};
use utoipa::openapi::{RefOr, Schema};

use super::{column::Path, unanswerable, value::Value};
use crate::{Kind, model::free_object};

/// Maximum length of a condition, checked before it is parsed.
const MAX_FILTER_BYTES: usize = 4_096;
/// Maximum number of terms of one condition, at any depth.
pub(crate) const MAX_TERMS: usize = 50;
/// Maximum nesting depth of `and`, `or` and `not`.
pub(crate) const MAX_DEPTH: usize = 5;
/// Maximum number of values of one `in` term.
pub(crate) const MAX_VALUES: usize = 100;
/// Maximum number of values of one condition, over all terms.
const MAX_VALUES_TOTAL: usize = 1_000;
/// Maximum number of `contains` terms: each is evaluated on every record that the other terms leave.
pub(crate) const MAX_CONTAINS: usize = 8;
/// Maximum length of an error message about a filter.
const MAX_PROBLEM_CHARS: usize = 300;
/// Maximum length of a text to compare with.
const MAX_TEXT_CHARS: usize = 2_000;

/// Schema of a filter as JSON: a condition on a field, or `and`, `or` and `not` of filters.
#[must_use]
pub fn schema() -> RefOr<Schema> {
    let filter = free_object(
        MAX_TERMS,
        "A filter: `{ \"field\": \"rating\", \"op\": \"gte\", \"value\": 4 }`; `{ \"and\": [ … ] }`, `{ \"or\": [ … ] }` and \
         `{ \"not\": { … } }` nest.",
    );
    // A field that every resource has.
    let example = json!({ "field": "created_at", "op": "gte", "value": "2026-01-01T00:00:00Z" });
    filter.examples([example]).into()
}

/// A filter condition as a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Term(Term),
}

/// A comparison of one field with values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    path: Path,
    operator: Operator,
    values: Vec<Value>,
    /// Value as the client wrote it.
    json: Json,
}

/// Comparison operator of a filter term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Nin,
    Is,
    Contains,
    StartsWith,
}

impl Operator {
    pub(crate) const ALL: [(&'static str, Self); 11] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("in", Self::In),
        ("nin", Self::Nin),
        ("is", Self::Is),
        ("contains", Self::Contains),
        ("starts_with", Self::StartsWith),
    ];

    /// Names of the operators that apply to columns of this kind.
    pub(crate) fn names_of(kind: Kind) -> Vec<&'static str> {
        let suiting = Self::ALL.iter().filter(|(_, operator)| kind.is_comparable() && operator.suits(kind));
        suiting.map(|(name, _)| *name).collect()
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// Whether the operator applies to columns of this kind.
    fn suits(self, kind: Kind) -> bool {
        match self {
            Self::Eq | Self::Ne | Self::Is => true,
            Self::In | Self::Nin => kind != Kind::Boolean,
            Self::Lt | Self::Lte | Self::Gt | Self::Gte => {
                matches!(kind, Kind::Text | Kind::Integer | Kind::Amount | Kind::Instant | Kind::Date)
            }
            Self::Contains | Self::StartsWith => kind == Kind::Text,
        }
    }
}

impl Term {
    /// Validates a comparison; fails with a description of what is wrong.
    fn new(path: Path, operator: &str, json: Json) -> Result<Self> {
        let (name, kind) = (path.to_string(), path.field().kind);
        let known = Operator::named(operator).filter(|operator| operator.suits(kind));
        let operator = known.ok_or_else(|| wrong(format!("has no operator `{operator}` on `{name}`")))?;
        let values = match (operator, &json) {
            (Operator::Is, Json::Null) => Vec::new(),
            (Operator::Is, _) => return Err(wrong(format!("wants null for `{name}[is]`"))),
            (Operator::In | Operator::Nin, Json::Array(all)) if (1..=MAX_VALUES).contains(&all.len()) => {
                each_once(all.iter().map(|one| value(&name, kind, one)))?
            }
            (Operator::In | Operator::Nin, _) => {
                return Err(wrong(format!("wants a list of 1 to {MAX_VALUES} values for `{name}`")));
            }
            (_, one) => vec![value(&name, kind, one)?],
        };
        Ok(Self { path, operator, values, json })
    }
}

/// Removes duplicate values, so that each is compared once.
fn each_once(values: impl Iterator<Item = Result<Value>>) -> Result<Vec<Value>> {
    let mut once = Vec::new();
    for value in values {
        let value = value?;
        if !once.contains(&value) {
            once.push(value);
        }
    }
    Ok(once)
}

impl Filter {
    /// All terms of the condition, at any depth.
    fn terms(&self) -> Vec<&Term> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::terms).collect(),
            Self::Not(one) => one.terms(),
            Self::Term(term) => vec![term],
        }
    }

    /// Returns the filter unchanged if its cost is within the limits.
    fn bounded(self) -> Result<Self> {
        let terms = self.terms();
        if terms.iter().filter(|term| term.operator == Operator::Contains).count() > MAX_CONTAINS {
            return Err(wrong(format!("has more than {MAX_CONTAINS} terms with `contains`")));
        }
        if terms.iter().map(|term| term.values.len()).sum::<usize>() > MAX_VALUES_TOTAL {
            return Err(wrong(format!("compares with more than {MAX_VALUES_TOTAL} values")));
        }
        Ok(self)
    }

    /// Whether the filter scans possibly long texts record by record, without the help of an index.
    pub(crate) fn is_costly(&self) -> bool {
        self.terms().iter().any(|term| {
            term.path.field().kind == Kind::Text
                && !matches!(term.operator, Operator::Eq | Operator::In | Operator::Is)
        })
    }
}

fn value(name: &str, kind: Kind, json: &Json) -> Result<Value> {
    match Value::read(kind, json) {
        Ok(Value::Text(text)) if text.len() > MAX_TEXT_CHARS => {
            Err(wrong(format!("compares `{name}` with a text of more than {MAX_TEXT_CHARS} bytes")))
        }
        Ok(Value::Null) => {
            Err(wrong(format!("compares `{name}` with null, which equals nothing: write {name}[is]:null")))
        }
        Ok(value) => Ok(value),
        Err(wanted) => Err(wrong(format!("wants {wanted} for `{name}`"))),
    }
}

/// Canonical form of the condition; cursors are bound to it. Parsing it yields the same condition.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |f: &mut fmt::Formatter<'_>, word: &str, all: &[Self]| {
            write!(f, "{word}(")?;
            for (at, one) in all.iter().enumerate() {
                write!(f, "{}{one}", if at == 0 { "" } else { "," })?;
            }
            f.write_str(")")
        };
        match self {
            Self::And(these) => all(f, "and", these),
            Self::Or(these) => all(f, "or", these),
            Self::Not(this) => write!(f, "not({this})"),
            Self::Term(term) => write!(f, "{}[{}]:{}", term.path, term.operator.name(), term.json),
        }
    }
}

/// Creates a filter error; quoted input is truncated.
fn wrong(mut problem: String) -> Error {
    if let Some((end, _)) = problem.char_indices().nth(MAX_PROBLEM_CHARS) {
        problem.truncate(end);
        problem.push('…');
    }
    unanswerable("filter", problem)
}

fn too_much() -> Error {
    wrong(format!("has more than {MAX_TERMS} terms, or nests deeper than {MAX_DEPTH}"))
}
