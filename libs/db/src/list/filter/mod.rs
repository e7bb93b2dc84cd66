//! Conditions on records: `and(status[eq]:"active",or(rating[gte]:4,not(owner_id[is]:null)))`, or the same tree as JSON.
//!
//! A condition is true or false, never unknown: a comparison with a null field is false, and `not` makes it true.

mod json;
mod parse;
mod sql;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value as Json;

use super::{column::Path, unanswerable, value::Value};
use crate::{Error, Kind, Result};

/// Longer conditions are refused before they are parsed.
const LONGEST: usize = 4_096;
/// How many terms one condition may have, at any depth.
const MOST_TERMS: usize = 50;
/// How deep `and`, `or` and `not` may nest.
const DEEPEST: usize = 5;
/// How many values `in` may compare with.
const MOST_VALUES: usize = 100;
/// How many values one condition may compare with, in all of its terms.
const MOST_IN_ALL: usize = 1_000;
/// How many terms may look into texts: each is held against every record that the others leave.
const MOST_CONTAINS: usize = 8;
/// How much is said of what is wrong.
const LONGEST_PROBLEM: usize = 300;
/// A longer text is compared with nothing.
const LONGEST_TEXT: usize = 2_000;

/// A condition on records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// All of these hold.
    And(Vec<Filter>),
    /// One of these holds.
    Or(Vec<Filter>),
    /// This does not.
    Not(Box<Filter>),
    /// A field compares so.
    Term(Term),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    path: Path,
    operator: Operator,
    values: Vec<Value>,
    /// As it was written.
    json: Json,
}

/// How a field is compared.
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

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// Whether fields of this kind can be compared so.
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
    /// A comparison that makes sense, or what is wrong with it.
    fn new(path: Path, operator: &str, json: Json) -> Result<Self> {
        let (name, kind) = (path.to_string(), path.column().kind);
        let known = Operator::named(operator).filter(|operator| operator.suits(kind));
        let operator = known.ok_or_else(|| wrong(format!("has no operator `{operator}` on `{name}`")))?;
        let values = match (operator, &json) {
            (Operator::Is, Json::Null) => Vec::new(),
            (Operator::Is, _) => return Err(wrong(format!("wants null for `{name}[is]`"))),
            (Operator::In | Operator::Nin, Json::Array(all)) if (1..=MOST_VALUES).contains(&all.len()) => {
                each_once(all.iter().map(|one| value(&name, kind, one)))?
            }
            (Operator::In | Operator::Nin, _) => {
                return Err(wrong(format!("wants a list of 1 to {MOST_VALUES} values for `{name}`")));
            }
            (_, one) => vec![value(&name, kind, one)?],
        };
        Ok(Self { path, operator, values, json })
    }
}

/// What is named twice is compared once.
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
    /// Every comparison in it.
    fn terms(&self) -> Vec<&Term> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::terms).collect(),
            Self::Not(one) => one.terms(),
            Self::Term(term) => vec![term],
        }
    }

    /// The same, if it costs no more than one condition may.
    fn bounded(self) -> Result<Self> {
        let terms = self.terms();
        if terms.iter().filter(|term| term.operator == Operator::Contains).count() > MOST_CONTAINS {
            return Err(wrong(format!("has more than {MOST_CONTAINS} terms with `contains`")));
        }
        if terms.iter().map(|term| term.values.len()).sum::<usize>() > MOST_IN_ALL {
            return Err(wrong(format!("compares with more than {MOST_IN_ALL} values")));
        }
        Ok(self)
    }

    /// Whether it reads texts that may be long, record by record, and no index spares it that.
    pub(crate) fn is_costly(&self) -> bool {
        self.terms().iter().any(|term| {
            term.path.column().kind == Kind::Text
                && !matches!(term.operator, Operator::Eq | Operator::In | Operator::Is)
        })
    }
}

fn value(name: &str, kind: Kind, json: &Json) -> Result<Value> {
    match Value::read(kind, json) {
        Ok(Value::Text(text)) if text.len() > LONGEST_TEXT => {
            Err(wrong(format!("compares `{name}` with a text of more than {LONGEST_TEXT} bytes")))
        }
        Ok(Value::Null) => {
            Err(wrong(format!("compares `{name}` with null, which equals nothing: write {name}[is]:null")))
        }
        Ok(value) => Ok(value),
        Err(wanted) => Err(wrong(format!("wants {wanted} for `{name}`"))),
    }
}

/// The condition in one spelling, which a cursor belongs to. Read again, it is the same condition.
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

/// What was written is told back as far as it is short.
fn wrong(mut problem: String) -> Error {
    if let Some((end, _)) = problem.char_indices().nth(LONGEST_PROBLEM) {
        problem.truncate(end);
        problem.push('…');
    }
    unanswerable("filter", problem)
}

fn too_much() -> Error {
    wrong(format!("has more than {MOST_TERMS} terms, or nests deeper than {DEEPEST}"))
}
