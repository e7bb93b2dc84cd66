use db::{Error, Result};
use serde_json::Value as Json;

use super::{Filter, MAX_DEPTH, MAX_FILTER_BYTES, MAX_TERMS, Term, too_much, wrong};
use crate::query::column::Columns;

impl Filter {
    /// Parses `and(…)`, `or(…)`, `not(…)` and `field[operator]:value`.
    pub(crate) fn parse(text: &str, columns: &Columns) -> Result<Self> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(wrong(format!("is longer than {MAX_FILTER_BYTES} bytes")));
        }
        let mut parser = Parser { rest: text, terms: 0, columns };
        let filter = parser.condition(0)?;
        if parser.rest.is_empty() { filter.bounded() } else { Err(parser.expected("its end")) }
    }
}

struct Parser<'t> {
    rest: &'t str,
    terms: usize,
    columns: &'t Columns<'t>,
}

impl<'t> Parser<'t> {
    fn condition(&mut self, depth: usize) -> Result<Filter> {
        self.terms += 1;
        if self.terms > MAX_TERMS || depth > MAX_DEPTH {
            return Err(too_much());
        }
        if self.take("and(") {
            self.several(depth).map(Filter::And)
        } else if self.take("or(") {
            self.several(depth).map(Filter::Or)
        } else if self.take("not(") {
            let one = self.condition(depth + 1)?;
            self.must(")")?;
            Ok(Filter::Not(Box::new(one)))
        } else {
            self.term().map(Filter::Term)
        }
    }

    fn several(&mut self, depth: usize) -> Result<Vec<Filter>> {
        let mut all = vec![self.condition(depth + 1)?];
        while self.take(",") {
            all.push(self.condition(depth + 1)?);
        }
        if self.take(")") { Ok(all) } else { Err(self.expected("`,` or `)`")) }
    }

    fn term(&mut self) -> Result<Term> {
        let name = self.word(true);
        let path = self.columns.path(name).ok_or_else(|| wrong(format!("has no field `{name}`")))?;
        self.must("[")?;
        let operator = self.word(false);
        self.must("]:")?;
        let json = self.json()?;
        Term::new(path, operator, json)
    }

    /// Parses a JSON string, a JSON list, or a literal that ends at the next `,` or `)`.
    fn json(&mut self) -> Result<Json> {
        let end = if self.rest.starts_with(['"', '[']) {
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

    fn word(&mut self, dotted: bool) -> &'t str {
        let outside = |c: char| !c.is_ascii_alphanumeric() && c != '_' && !(dotted && c == '.');
        let end = self.rest.find(outside).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, expected: &str) -> bool {
        self.rest.strip_prefix(expected).map(|rest| self.rest = rest).is_some()
    }

    fn must(&mut self, expected: &str) -> Result<()> {
        if self.take(expected) { Ok(()) } else { Err(self.expected(&format!("`{expected}`"))) }
    }

    fn expected(&self, what: &str) -> Error {
        let seen: String = self.rest.chars().take(20).collect();
        wrong(format!("should have {what} at `{seen}`"))
    }
}
