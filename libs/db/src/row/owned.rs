use std::iter;

use super::{ColumnValue, FromRow, FromSql, Row, RowError};

/// A row whose values are decoded when they are needed. It shares the bytes of the answer it came with.
#[derive(Debug, Clone)]
pub struct OwnedRow(pg_client::OwnedRow);

impl OwnedRow {
    /// Reads a `T` from the row.
    ///
    /// # Errors
    ///
    /// If a column is missing, or its value does not fit.
    pub fn read<T: FromRow>(&self) -> Result<T, RowError> {
        self.0.read(|row| T::from_row(&Row::new(row)))
    }

    /// Value of the column with this name.
    ///
    /// # Errors
    ///
    /// If there is no such column, or its value does not fit.
    pub fn get<T: for<'r> FromSql<'r>>(&self, name: &str) -> Result<T, RowError> {
        self.0.read(|row| Row::new(row).get(name))
    }

    /// Names of the columns with their values, in their order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, ColumnValue<'_>)> {
        // A row has a value for each column; a missing one would be shown as null.
        let values = self.0.values().chain(iter::repeat(None));
        self.0
            .columns()
            .iter()
            .zip(values)
            .map(|(column, bytes)| (&*column.name, ColumnValue { oid: column.oid, bytes }))
    }
}

impl FromRow for OwnedRow {
    fn from_row(row: &Row<'_>) -> Result<Self, RowError> {
        Ok(Self(pg_client::OwnedRow::new(&row.raw)))
    }
}
