//! `filter=and(status[eq]:"active",rating[eq]:5)`: parsed to a tree, printed to SQL with every value as a parameter.

use std::fmt;

use serde_json::Value as Json;

use super::{Column, unanswerable, value::Value};
use crate::{Error, Result, Row};

/// Longer conditions are refused before they are parsed.
const LONGEST: usize = 4_096;
/// How many terms one condition may have, at any depth.
const MOST_TERMS: usize = 50;
/// How deep `and` may nest.
const DEEPEST: usize = 5;

/// A condition on records.
#[derive(Debug)]
pub(super) enum Filter {
    /// All of these hold.
    And(Vec<Filter>),
    /// The column is this value.
    Equal(Column, Value, Json),
}

impl Filter {
    pub(super) fn parse(text: &str, column: &dyn Fn(&str) -> Option<Column>) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(wrong(format!("is longer than {LONGEST} bytes")));
        }
        let mut parser = Parser { rest: text, terms: 0, column };
        let filter = parser.condition(0)?;
        if parser.rest.is_empty() { Ok(filter) } else { Err(parser.expected("its end")) }
    }

    /// As `where` writes it.
    pub(super) fn sql(&self, values: &mut Row) -> String {
        match self {
            Self::And(all) => {
                let parts: Vec<_> = all.iter().map(|one| one.sql(values)).collect();
                format!("({})", parts.join(" and "))
            }
            Self::Equal(column, value, _) => format!("{} = {}", column.name, value.bind(values)),
        }
    }
}

/// The condition in one spelling, which a cursor belongs to.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(all) => {
                f.write_str("and(")?;
                for (at, one) in all.iter().enumerate() {
                    write!(f, "{}{one}", if at == 0 { "" } else { "," })?;
                }
                f.write_str(")")
            }
            Self::Equal(column, _, json) => write!(f, "{}[eq]:{json}", column.name),
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
    terms: usize,
    column: &'t dyn Fn(&str) -> Option<Column>,
}

impl<'t> Parser<'t> {
    fn condition(&mut self, depth: usize) -> Result<Filter> {
        self.terms += 1;
        if self.terms > MOST_TERMS || depth > DEEPEST {
            return Err(wrong(format!("has more than {MOST_TERMS} terms, or nests deeper than {DEEPEST}")));
        }
        if !self.take("and(") {
            return self.term();
        }
        let mut all = vec![self.condition(depth + 1)?];
        while self.take(",") {
            all.push(self.condition(depth + 1)?);
        }
        if self.take(")") { Ok(Filter::And(all)) } else { Err(self.expected("`,` or `)`")) }
    }

    fn term(&mut self) -> Result<Filter> {
        let name = self.word();
        let column = (self.column)(name).ok_or_else(|| wrong(format!("has no field `{name}`")))?;
        if !self.take("[") {
            return Err(self.expected("`[`"));
        }
        let operator = self.word();
        if operator != "eq" {
            return Err(wrong(format!("has no operator `{operator}` on `{name}`")));
        }
        if !self.take("]:") {
            return Err(self.expected("`]:`"));
        }
        let json = self.json()?;
        match Value::read(column.kind, &json) {
            Ok(Value::Null) => Err(wrong(format!("compares `{name}` with null, which equals nothing"))),
            Ok(value) => Ok(Filter::Equal(column, value, json)),
            Err(wanted) => Err(wrong(format!("wants {wanted} for `{name}`"))),
        }
    }

    /// A text, or whatever stands before the next `,` or `)`.
    fn json(&mut self) -> Result<Json> {
        let end = if self.rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Json>();
            let text = values.next();
            text.map_or(0, |_| values.byte_offset())
        } else {
            self.rest.find([',', ')']).unwrap_or(self.rest.len())
        };
        let (value, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        let json = serde_json::from_str(value).map_err(|_| self.expected("a JSON value"))?;
        self.rest = rest;
        Ok(json)
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, expected: &str) -> bool {
        self.rest.strip_prefix(expected).map(|rest| self.rest = rest).is_some()
    }

    fn expected(&self, what: &str) -> Error {
        let seen: String = self.rest.chars().take(20).collect();
        wrong(format!("should have {what} at `{seen}`"))
    }
}

fn wrong(problem: String) -> Error {
    unanswerable("filter", problem)
}
