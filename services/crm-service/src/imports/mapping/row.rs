//! A row of a file, parsed by a mapping.

use serde_json::{Map, Value};
use web::Violation;

use super::{
    Mapping, convert,
    patch::{compact, put},
};

/// Maximum length of a cell: the limit of spreadsheet programs.
const MAX_CELL_CHARS: usize = 32_767;

/// A cell's reference to a record, to be replaced by its id.
#[derive(Debug, Clone)]
pub(in crate::imports) struct Lookup {
    pub(in crate::imports) step: usize,
    pub(in crate::imports) value: String,
}

/// Values parsed from a row.
#[derive(Debug, Default)]
pub(in crate::imports) struct RowValues {
    pub(in crate::imports) patch: Map<String, Value>,
    pub(in crate::imports) named: Vec<Lookup>,
    pub(in crate::imports) wrong: Vec<CellError>,
}

/// An error in a row, attributed to a column and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::imports) struct CellError {
    pub(in crate::imports) column: Option<String>,
    pub(in crate::imports) pointer: String,
    pub(in crate::imports) code: String,
    pub(in crate::imports) message: String,
}

/// A parsed row that is not yet written.
pub(in crate::imports) struct ParsedRow {
    pub(in crate::imports) line: i64,
    pub(in crate::imports) cells: Vec<String>,
    pub(in crate::imports) said: RowValues,
    pub(in crate::imports) key: Vec<String>,
}

impl Mapping {
    /// An error in the column of this step.
    pub(in crate::imports) fn wrong(&self, step: usize, code: &str, message: impl Into<String>) -> CellError {
        let step = self.steps.get(step);
        CellError {
            column: step.and_then(|step| self.columns.get(step.column?).cloned()),
            pointer: step.map_or_else(String::new, |step| format!("/{}", step.path.join("/"))),
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// Attributes a violation of a field to the column that fills it.
    pub(in crate::imports) fn blame(&self, violation: Violation) -> CellError {
        let field = violation.pointer.split('/').nth(1).unwrap_or_default();
        let step = self.steps.iter().find(|step| {
            step.path.first().is_some_and(|first| first == field)
                && (violation.pointer == format!("/{}", step.path.join("/")) || step.path.len() == 1)
        });
        let step = step
            .or_else(|| self.steps.iter().find(|step| step.path.first().is_some_and(|first| first == field)));
        let column = step.and_then(|step| self.columns.get(step.column?).cloned());
        CellError { column, pointer: violation.pointer, code: violation.code, message: violation.message }
    }

    /// Parses a row that has a cell for each column.
    pub(in crate::imports) fn read(&self, cells: &[String]) -> RowValues {
        let mut said = RowValues::default();
        for (at, step) in self.steps.iter().enumerate() {
            let Some(column) = step.column else { continue };
            let cell = cells.get(column).map_or("", String::as_str);
            if cell.chars().count() > MAX_CELL_CHARS {
                said.wrong.push(self.wrong(
                    at,
                    "length",
                    format!("must have at most {MAX_CELL_CHARS} characters"),
                ));
                continue;
            }
            let cell = convert::part(&step.rule, cell);
            let null = self.nulls.contains(cell);
            if null || cell.trim().is_empty() {
                if (null || self.clear_empty) && step.path.len() == 1 {
                    put(&mut said.patch, &step.path, Value::Null);
                }
                continue;
            }
            if step.reference.is_some() {
                said.named.push(Lookup { step: at, value: cell.trim().to_owned() });
                continue;
            }
            match convert::value(step.kind, &step.rule, cell) {
                Ok(value) => put(&mut said.patch, &step.path, value),
                Err((code, message)) => said.wrong.push(self.wrong(at, code, message)),
            }
        }
        self.fill_in(&mut said.patch);
        compact(&mut said.patch);
        said
    }

    /// Adds the constants of the plan. Inside a list item, only if the row itself has a value there.
    fn fill_in(&self, patch: &mut Map<String, Value>) {
        for step in self.steps.iter().filter(|step| step.column.is_none()) {
            let Some(value) = &step.rule.value else { continue };
            let listed = step.path.get(1).is_some_and(|part| part.parse::<usize>().is_ok());
            let begun = || {
                let item = step.path.get(1).and_then(|at| at.parse::<usize>().ok());
                patch.get(step.path.first()?)?.get(item?).filter(|item| item.is_object())
            };
            if !listed || begun().is_some() {
                put(patch, &step.path, value.clone());
            }
        }
    }
}
