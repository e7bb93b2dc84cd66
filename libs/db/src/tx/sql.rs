use std::{borrow::Cow, marker::PhantomData};

use sqlx::{Encode, Postgres, Type};

use super::{BoundStatement, TenantTx};
use crate::{Bindings, FromRow, SqlError};

/// A prepared statement with its parameters, not yet sent.
#[must_use = "a statement does nothing until it is sent"]
pub struct Sql<'t, T> {
    pub(crate) tx: &'t mut TenantTx,
    pub(crate) statement: BoundStatement,
    answers: PhantomData<fn() -> T>,
}

impl<'t, T> Sql<'t, T> {
    pub(crate) fn new(tx: &'t mut TenantTx, text: impl Into<Cow<'static, str>>, values: Bindings) -> Self {
        Self { tx, statement: BoundStatement::new(text, values), answers: PhantomData }
    }

    /// Binds the next parameter: `$2`, `$3`, … of a statement; `$1`, `$2`, … of a lookup.
    pub fn bind<'v>(mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        self.statement.values.bind(value);
        self
    }

    /// Executes the statement and returns the number of affected rows.
    pub async fn run(self) -> Result<u64, SqlError> {
        self.tx.conn.execute(self.statement).await
    }
}

impl<T: FromRow> Sql<'_, T> {
    /// Fetches the row; `None` if there is none.
    pub async fn optional(self) -> Result<Option<T>, SqlError> {
        self.tx.conn.fetch_optional(self.statement).await
    }

    /// Fetches all rows of the result.
    pub async fn all(self) -> Result<Vec<T>, SqlError> {
        self.tx.conn.fetch_all(self.statement).await
    }

    /// Fetches all rows, without keeping the statement prepared: its text is unlikely to recur, or its plan depends on the
    /// values.
    pub async fn all_once(mut self) -> Result<Vec<T>, SqlError> {
        self.statement.is_kept = false;
        self.tx.conn.fetch_all(self.statement).await
    }
}
