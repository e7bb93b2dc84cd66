//! An open transaction on a borrowed connection: the only code that sends statements.

use std::time::Duration;

use deadpool::managed::Object;
use sqlx::{
    Executor as _, FromRow, PgConnection, SqlSafeStr as _, SqlStr,
    postgres::{PgArguments, PgDatabaseError, PgRow},
};

use signals::Span;

use crate::{
    Error, Result, Row,
    error::passing,
    pool::{Borrowed, Pool, borrow, end},
    trace,
    tx::{ENDED, Inside, MAINTENANCE},
};

/// A connection with an open transaction. Dropped before its [`commit`](Self::commit), it changes nothing.
pub(crate) struct OpenTx {
    conn: Option<Borrowed>,
    access: Access,
    /// Whether a statement was sent and its answer not read to the end.
    mid_statement: bool,
    /// Whether the server refused a statement: it then answers a COMMIT with a rollback, and calls that a success.
    aborted: bool,
    /// What is told of it, where that is.
    pub(crate) span: Span,
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// See rows.
    Read,
    /// Change them as well.
    Write,
}

impl OpenTx {
    /// Borrows a connection and opens a transaction with `first` in one message, so that no statement can run between
    /// them. A connection that was closed while it rested is replaced.
    pub(crate) async fn begin(pool: &Pool, access: Access, first: &str) -> Result<Self> {
        let begin = match access {
            Access::Read => "begin read only",
            Access::Write => "begin",
        };
        let span = trace::transaction();
        loop {
            let mut conn = borrow(pool).await?;
            let rested = Object::metrics(&conn).recycle_count > 0;
            let message = format!("{}{begin}; {first}", conn.ending());
            let mut tx =
                Self { conn: Some(conn), access, mid_statement: true, aborted: false, span: span.clone() };
            let message = sqlx::AssertSqlSafe(message).into_sql_str(); // ids only: nothing a caller typed
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

    /// A refusal leaves the connection good for others.
    fn refused(mut self, error: sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        self.mid_statement = code.is_none();
        self.aborted = true;
        match code.as_deref() {
            Some(ENDED) => Error::Ended,
            Some(MAINTENANCE) => maintenance(&error),
            _ => error.into(),
        }
    }

    /// Goes into an account, inside of the open transaction.
    pub(crate) async fn enter(&mut self, inside: Inside) -> Result<()> {
        let mut row = Row::default();
        row.put(inside.account);
        row.put(inside.user);
        row.put(inside.request);
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

    /// The same for a statement whose text hardly comes again: its plan is not kept.
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

    /// Starts a part that can be undone alone; parts may have parts.
    pub(crate) async fn begin_part(&mut self) -> Result<()> {
        self.committable()?;
        let answer = self.sending()?.execute("savepoint part").await;
        self.answered(answer)?;
        Ok(())
    }

    /// The same, in one message with how long its statements may take.
    pub(crate) async fn begin_part_within(&mut self, time: Duration) -> Result<()> {
        self.committable()?;
        self.say(format!("savepoint part; {}", waiting(time))).await
    }

    /// Keeps the part that was begun last, in one message with how long the statements after it may take.
    pub(crate) async fn keep_part_within(&mut self, time: Duration) -> Result<()> {
        self.say(format!("release savepoint part; {}", waiting(time))).await
    }

    /// From here on a statement may take so long.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<()> {
        self.say(waiting(time)).await
    }

    /// From here on a statement may take as long as its role's may.
    pub(crate) async fn wait_as_usual(&mut self) -> Result<()> {
        self.say("set local statement_timeout to default".to_owned()).await
    }

    async fn say(&mut self, message: String) -> Result<()> {
        let message = sqlx::AssertSqlSafe(message).into_sql_str(); // numbers only
        let answer = self.sending()?.execute(message).await;
        self.answered(answer)?;
        Ok(())
    }

    /// Keeps the part that was begun last, as far as the transaction is kept.
    pub(crate) async fn keep_part(&mut self) -> Result<()> {
        let answer = self.sending()?.execute("release savepoint part").await;
        self.answered(answer)?;
        Ok(())
    }

    /// Undoes the part that was begun last. What the server refused in it is forgotten.
    pub(crate) async fn undo_part(&mut self) -> Result<()> {
        let answer = self.sending()?.execute("rollback to savepoint part; release savepoint part").await;
        self.answered(answer)?;
        self.aborted = false;
        Ok(())
    }

    /// Fails when the server has refused a statement: what is left of the transaction is nothing.
    pub(crate) fn committable(&self) -> Result<()> {
        if self.aborted { Err(Error::Aborted) } else { Ok(()) }
    }

    /// Commits, and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.committable()?;
        if self.access == Access::Read {
            return Ok(()); // nothing to lose: it is ended with the connection's next message
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

    /// From here on the connection is only good again once its answer was read.
    fn sending(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.mid_statement = true;
        self.pg()
    }

    /// A refusal by the server is an answer too; a broken connection is none.
    fn answered<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.aborted |= matches!(answer, Err(sqlx::Error::Database(_)));
        self.mid_statement =
            !matches!(answer, Ok(_) | Err(sqlx::Error::Database(_) | sqlx::Error::RowNotFound));
        answer
    }
}

/// What `app.refuse_write` says.
fn maintenance(error: &sqlx::Error) -> Error {
    let said = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let seconds = said.and_then(|said| said.detail()?.parse().ok()).unwrap_or(1);
    Error::Maintenance { reason: said.map_or("", PgDatabaseError::message).to_owned(), seconds }
}

/// For the rest of the transaction, or of the part that is undone.
fn waiting(time: Duration) -> String {
    format!("set local statement_timeout = {}", time.as_millis())
}

impl Drop for OpenTx {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if self.mid_statement {
            // Left in the middle of an answer it is closed: whoever borrowed it next might read somebody else's rows.
            // That costs a new connection, and only after a request was given up.
            drop(Object::take(conn));
        } else if self.access == Access::Read {
            conn.rest();
        } else {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(end(conn, "rollback"))),
                Err(_) => drop(Object::take(conn)),
            }
        }
    }
}
