//! Rows of a result, and how values are read from them.

mod from_sql;
mod json;
mod owned;
mod tuples;

use std::cell::Cell;

pub use db_macros::FromRow;
pub use from_sql::{FromSql, read_word};
pub use json::ColumnValue;
pub use owned::OwnedRow;
pub use pg_client::Oid;

/// A row of a result. Values are read in the order of its columns, or by name.
#[derive(Debug)]
pub struct Row<'r> {
    raw: pg_client::Row<'r>,
    /// Position of the column after the last one that was read.
    next: Cell<usize>,
}

/// A type that is read from a row. Derive it for a struct; tuples read by position.
pub trait FromRow: Sized {
    /// Reads the values of the row.
    ///
    /// # Errors
    ///
    /// If a column is missing, or its value is of another type.
    fn from_row(row: &Row<'_>) -> Result<Self, RowError>;
}

/// Reason why a value cannot be read from a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The result has no such column.
    #[error("the result has no column {0}")]
    Missing(String),
    /// The column is of another type.
    #[error("the column {column} is of the type with oid {oid}, which does not fit")]
    Type {
        /// Name of the column.
        column: String,
        /// Type of its values.
        oid: Oid,
    },
    /// The value is null, or is not valid for the type.
    #[error("the column {column}")]
    Value {
        /// Name of the column.
        column: String,
        /// Reason.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl<'r> Row<'r> {
    pub(crate) fn new(raw: pg_client::Row<'r>) -> Self {
        Self { raw, next: Cell::new(0) }
    }

    /// Value of the column with this name: the next one, or else the first of the row.
    ///
    /// # Errors
    ///
    /// If there is no such column, or its value does not fit.
    pub fn get<T: FromSql<'r>>(&self, name: &str) -> Result<T, RowError> {
        self.find(name)?.ok_or_else(|| RowError::Missing(name.to_owned()))
    }

    /// Value of the column with this name; `None` if there is no such column.
    ///
    /// # Errors
    ///
    /// If its value does not fit.
    pub fn find<T: FromSql<'r>>(&self, name: &str) -> Result<Option<T>, RowError> {
        let (next, columns) = (self.next.get(), self.raw.columns());
        let at = match columns.get(next) {
            Some(column) if column.name == name => Some(next),
            _ => columns.iter().position(|column| column.name == name),
        };
        let Some(at) = at else { return Ok(None) };
        self.next.set(at + 1);
        self.at(at).map(Some)
    }

    /// Value of the column at this position.
    ///
    /// # Errors
    ///
    /// If there is no such column, or its value does not fit.
    pub fn at<T: FromSql<'r>>(&self, at: usize) -> Result<T, RowError> {
        let Some(column) = self.raw.columns().get(at) else {
            return Err(RowError::Missing(at.to_string()));
        };
        if !T::accepts(column.oid) {
            return Err(RowError::Type { column: column.name.clone(), oid: column.oid });
        }
        let value = match self.raw.value(at) {
            Some(value) => T::from_sql(column.oid, value),
            None => T::from_null(),
        };
        value.map_err(|cause| RowError::Value { column: column.name.clone(), cause })
    }
}

impl FromRow for () {
    fn from_row(_: &Row<'_>) -> Result<Self, RowError> {
        Ok(())
    }
}
