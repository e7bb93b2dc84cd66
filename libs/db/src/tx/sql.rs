use std::marker::PhantomData;

use sqlx::{Encode, FromRow, Postgres, SqlStr, Type, postgres::PgRow};

use super::TenantTx;
use crate::{Bindings, Result};

/// A prepared statement with its parameters, not yet sent.
#[must_use = "a statement does nothing until it is sent"]
pub struct Sql<'t, T> {
    pub(crate) tx: &'t mut TenantTx,
    pub(crate) text: SqlStr,
    pub(crate) row: Bindings,
    answers: PhantomData<fn() -> T>,
}

impl<'t, T> Sql<'t, T> {
    pub(crate) fn new(tx: &'t mut TenantTx, text: SqlStr, row: Bindings) -> Self {
        Self { tx, text, row, answers: PhantomData }
    }

    /// Binds the next parameter: `$2`, `$3`, … of a statement; `$1`, `$2`, … of a lookup.
    pub fn bind<'v>(mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        self.row.bind(value);
        self
    }

    /// Binds the next parameters by `fill`.
    pub fn bind_with(mut self, fill: impl FnOnce(&mut Bindings)) -> Self {
        fill(&mut self.row);
        self
    }

    /// Executes the statement and returns the number of affected rows.
    pub async fn run(self) -> Result<u64, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.execute(self.text, values).await
    }
}

impl<T: for<'r> FromRow<'r, PgRow> + Send + Unpin> Sql<'_, T> {
    /// Fetches the row; `None` if there is none.
    pub async fn optional(self) -> Result<Option<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_optional(self.text, values).await
    }

    /// Fetches all rows of the result.
    pub async fn all(self) -> Result<Vec<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_all(self.text, values).await
    }

    /// Fetches all rows, without caching the prepared statement: its text is unlikely to recur.
    pub async fn all_once(self) -> Result<Vec<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_all_once(self.text, values).await
    }
}
