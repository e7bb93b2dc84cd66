//! An open transaction on a pooled connection: the only code that sends statements.

use std::time::Duration;

use ::telemetry::Span;
use deadpool::managed::Object;
use sqlx::{
    Executor as _, FromRow, PgConnection, SqlSafeStr as _, SqlStr,
    postgres::{PgArguments, PgDatabaseError, PgRow},
};

use crate::{
    Bindings, Error, Result,
    context::{ENDED, MAINTENANCE, RequestContext},
    error::passing,
    pool::{Pool, PooledConnection, borrow, end},
    trace,
};

/// A connection with an open transaction. Dropping it before [`commit`](Self::commit) rolls back.
pub(crate) struct OpenTx {
    conn: Option<PooledConnection>,
    access: AccessMode,
    /// Whether a statement was sent and its response not read completely.
    mid_statement: bool,
    /// Whether a statement failed. The server then answers COMMIT with a rollback and reports success.
    aborted: bool,
    /// Trace span of the transaction, if it is sampled.
    pub(crate) span: Span,
}

/// Access mode of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessMode {
    Read,
    Write,
}

impl OpenTx {
    /// Checks out a connection and opens a transaction with `first` in one message, so that no statement can run
    /// in between. A pooled connection that was closed while idle is replaced.
    pub(crate) async fn begin(pool: &Pool, access: AccessMode, first: &str) -> Result<Self> {
        let begin = match access {
            AccessMode::Read => "begin read only",
            AccessMode::Write => "begin",
        };
        let span = trace::transaction();
        loop {
            let mut conn = borrow(pool).await?;
            let rested = Object::metrics(&conn).recycle_count > 0;
            let message = format!("{}{begin}; {first}", conn.ending());
            let mut tx =
                Self { conn: Some(conn), access, mid_statement: true, aborted: false, span: span.clone() };
            let message = sqlx::AssertSqlSafe(message).into_sql_str(); // contains ids only, no user input
            match tx.pg()?.execute(message).await {
                Ok(_) => {
                    tx.mid_statement = false;
                    return Ok(tx);
                }
                Err(error) if rested && passing(&error) => drop(tx),
                Err(error) => return Err(tx.refused(error)),
            }
        }
    }

    /// Maps a failed opening; after an error response of the server the connection stays usable.
    fn refused(mut self, error: sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        self.mid_statement = code.is_none();
        self.aborted = true;
        match code.as_deref() {
            Some(ENDED) => Error::SessionEnded,
            Some(MAINTENANCE) => maintenance(&error),
            _ => error.into(),
        }
    }

    /// Sets the account, user and request within the open transaction.
    pub(crate) async fn enter(&mut self, inside: RequestContext) -> Result<()> {
        let mut row = Bindings::default();
        row.bind(inside.account);
        row.bind(inside.user);
        row.bind(inside.request);
        self.execute("select app.enter($1, $2, $3)".into_sql_str(), row.values()?).await?;
        Ok(())
    }

    pub(crate) async fn execute(&mut self, text: SqlStr, values: PgArguments) -> Result<u64, sqlx::Error> {
        let span = trace::statement(&self.span, text.as_str());
        let answer = self.sending()?.execute(sqlx::query_with(text, values)).await;
        trace::judge(&span, &answer);
        self.answered(answer.map(|done| done.rows_affected()))
    }

    pub(crate) async fn fetch_optional<T>(
        &mut self,
        text: SqlStr,
        values: PgArguments,
    ) -> Result<Option<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let span = trace::statement(&self.span, text.as_str());
        let answer = sqlx::query_as_with(text, values).fetch_optional(self.sending()?).await;
        trace::judge(&span, &answer);
        self.answered(answer)
    }

    pub(crate) async fn fetch_all<T>(
        &mut self,
        text: SqlStr,
        values: PgArguments,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let span = trace::statement(&self.span, text.as_str());
        let answer = sqlx::query_as_with(text, values).fetch_all(self.sending()?).await;
        trace::judge(&span, &answer);
        self.answered(answer)
    }

    /// Fetches all rows of a statement whose text is unlikely to recur; it is not cached as a prepared statement.
    pub(crate) async fn fetch_all_once<T>(
        &mut self,
        text: SqlStr,
        values: PgArguments,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let span = trace::statement(&self.span, text.as_str());
        let statement = sqlx::query_as_with(text, values).persistent(false);
        let answer = statement.fetch_all(self.sending()?).await;
        trace::judge(&span, &answer);
        self.answered(answer)
    }

    /// Sets a savepoint; savepoints may be nested.
    pub(crate) async fn savepoint(&mut self) -> Result<()> {
        self.committable()?;
        let answer = self.sending()?.execute("savepoint part").await;
        self.answered(answer)?;
        Ok(())
    }

    /// Sets a savepoint and a statement timeout in one message.
    pub(crate) async fn savepoint_with_timeout(&mut self, time: Duration) -> Result<()> {
        self.committable()?;
        self.say(format!("savepoint part; {}", waiting(time))).await
    }

    /// Releases the last savepoint and sets a statement timeout in one message.
    pub(crate) async fn release_with_timeout(&mut self, time: Duration) -> Result<()> {
        self.say(format!("release savepoint part; {}", waiting(time))).await
    }

    /// Sets the statement timeout for the rest of the transaction.
    pub(crate) async fn set_statement_timeout(&mut self, time: Duration) -> Result<()> {
        self.say(waiting(time)).await
    }

    /// Resets the statement timeout to the role's default.
    pub(crate) async fn reset_statement_timeout(&mut self) -> Result<()> {
        self.say("set local statement_timeout to default".to_owned()).await
    }

    async fn say(&mut self, message: String) -> Result<()> {
        let message = sqlx::AssertSqlSafe(message).into_sql_str(); // contains numbers only, no user input
        let answer = self.sending()?.execute(message).await;
        self.answered(answer)?;
        Ok(())
    }

    /// Releases the last savepoint.
    pub(crate) async fn release(&mut self) -> Result<()> {
        let answer = self.sending()?.execute("release savepoint part").await;
        self.answered(answer)?;
        Ok(())
    }

    /// Rolls back to the last savepoint and clears the aborted state.
    pub(crate) async fn rollback_to(&mut self) -> Result<()> {
        let answer = self.sending()?.execute("rollback to savepoint part; release savepoint part").await;
        self.answered(answer)?;
        self.aborted = false;
        Ok(())
    }

    /// Fails if a statement failed: the transaction is aborted and a COMMIT would roll back.
    pub(crate) fn committable(&self) -> Result<()> {
        if self.aborted { Err(Error::TransactionAborted) } else { Ok(()) }
    }

    /// Commits and returns the connection to the pool.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.committable()?;
        if self.access == AccessMode::Read {
            return Ok(()); // nothing to lose: ended by the connection's next message
        }
        let span = trace::statement(&self.span, "commit");
        let answer = self.sending()?.execute("commit").await;
        trace::judge(&span, &answer);
        self.answered(answer)?;
        drop(self.conn.take());
        Ok(())
    }

    fn pg(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.conn.as_mut().map(|conn| &mut conn.pg).ok_or(sqlx::Error::PoolClosed)
    }

    /// Marks the connection as unusable until the response was read.
    fn sending(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.mid_statement = true;
        self.pg()
    }

    /// Records the outcome. An error response of the server completes the statement; a broken connection does not.
    fn answered<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.aborted |= matches!(answer, Err(sqlx::Error::Database(_)));
        self.mid_statement =
            !matches!(answer, Ok(_) | Err(sqlx::Error::Database(_) | sqlx::Error::RowNotFound));
        answer
    }
}

/// Maps the error of `app.refuse_write`: the message is the reason, the detail the remaining seconds.
fn maintenance(error: &sqlx::Error) -> Error {
    let said = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let seconds = said.and_then(|said| said.detail()?.parse().ok()).unwrap_or(1);
    Error::Maintenance { reason: said.map_or("", PgDatabaseError::message).to_owned(), seconds }
}

/// Sets the statement timeout until the end of the transaction, or until a rollback to the savepoint.
fn waiting(time: Duration) -> String {
    format!("set local statement_timeout = {}", time.as_millis())
}

impl Drop for OpenTx {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if self.mid_statement {
            // A connection with an unread response is closed: the next borrower could read rows of another
            // account. It costs a new connection, but only after a request was cancelled.
            drop(Object::take(conn));
        } else if self.access == AccessMode::Read {
            conn.rest();
        } else {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(end(conn, "rollback"))),
                Err(_) => drop(Object::take(conn)),
            }
        }
    }
}
