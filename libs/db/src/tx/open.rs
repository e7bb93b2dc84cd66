//! An open transaction on a pooled connection: the only code that sends statements.
//!
//! Nothing is sent before the first statement. Its batch has the opening in front of it, as messages of their own: an
//! error of the opening makes PostgreSQL skip the statement. So a request that reads once takes one round trip.
//!
//! * A **read** has no transaction block. Each statement is a batch with the whole opening in front of it, and the Sync
//!   ends its transaction. The settings are gone by then, and no connection stays idle in a transaction. Under
//!   READ COMMITTED, two statements of one block see no more of each other than those of two.
//! * A **write** is a block from its first batch to the one that ends with COMMIT.
//!
//! A read whose connection is found to be lost is sent again, once, on another one. A batch of a write never is: its
//! outcome is unknown.

use std::{borrow::Cow, mem, time::Duration};

use ::telemetry::Span;
use deadpool::managed::Object;
use pg_client::{Answers, Statement, TransactionStatus};

use crate::{
    Bindings, Error, FromRow, Result, Row, SqlError,
    context::{Admission, Prepared, RequestContext},
    error::STALE_PLAN,
    pool::{Pool, PooledConnection, borrow, roll_back},
    trace,
};

const BEGIN: &str = "begin";
const COMMIT: &str = "commit";
/// Tag of a COMMIT that did not roll back.
const COMMITTED: &str = "COMMIT";
const SAVEPOINT: &str = "savepoint part";
const RELEASE: &str = "release savepoint part";
const ROLLBACK_TO: &str = "rollback to savepoint part";
const SET_TIMEOUT: &str = "select set_config('statement_timeout', $1, true)";
const RESET_TIMEOUT: &str = "set local statement_timeout to default";

/// A transaction. Dropping it before [`commit`](Self::commit) rolls back.
pub(crate) struct OpenTx {
    pool: Pool,
    conn: Option<PooledConnection>,
    access: AccessMode,
    context: Option<RequestContext>,
    admission: Admission,
    /// Statements of a write that go with the next one, in front of it.
    pending: Vec<Prepared>,
    /// Whether a batch was sent.
    is_begun: bool,
    /// Whether a statement failed. The server then answers COMMIT with a rollback and reports success.
    is_aborted: bool,
    /// Statement timeout of a read.
    timeout: Option<Duration>,
    /// Trace span of the transaction, if it is sampled.
    pub(crate) span: Span,
}

/// Access mode of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessMode {
    Read,
    Write,
}

/// A statement with its parameters, of any text.
pub(crate) struct BoundStatement {
    pub(crate) text: Cow<'static, str>,
    pub(crate) values: Bindings,
    /// Whether its text is likely to recur, so that it stays prepared.
    pub(crate) is_kept: bool,
}

impl BoundStatement {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>, values: Bindings) -> Self {
        Self { text: text.into(), values, is_kept: true }
    }

    fn encoded(&self) -> Result<Statement<'_>, SqlError> {
        let (types, values) = self.values.encoded()?;
        let statement = Statement::new(&self.text).with(types, values);
        Ok(if self.is_kept { statement } else { statement.once() })
    }
}

/// Reply to a statement: the last of its batch, or the one before COMMIT.
struct Reply {
    answers: Answers,
    at: usize,
}

impl OpenTx {
    /// Checks out a connection. A context of `None` is none of an account: for a check of the connection alone.
    pub(crate) async fn begin(
        pool: &Pool,
        access: AccessMode,
        context: Option<RequestContext>,
        admission: Admission,
    ) -> Result<Self> {
        let span = trace::transaction();
        let conn = borrow(pool).await?;
        let mut tx = Self {
            pool: pool.clone(),
            conn: Some(conn),
            access,
            context,
            admission,
            pending: Vec::new(),
            is_begun: false,
            is_aborted: false,
            timeout: None,
            span,
        };
        if access == AccessMode::Write {
            tx.pending.push((BEGIN, Bindings::default()));
            tx.pending.extend(context.map(|context| context.enter_write()));
            tx.pending.extend(admission.statement());
        }
        Ok(tx)
    }

    /// Enters the account, as this user and request, with the next statement.
    pub(crate) fn enter(&mut self, inside: RequestContext) {
        match self.access {
            AccessMode::Read => self.context = Some(inside),
            AccessMode::Write => self.pending.push(inside.enter_write()),
        }
    }

    /// Sends this statement of a write in front of the next one, or of COMMIT.
    pub(crate) fn send_with_next(&mut self, statement: Prepared) {
        assert_eq!(self.access, AccessMode::Write, "a read sends nothing but its opening before a statement");
        self.pending.push(statement);
    }

    /// Sends the opening by itself, if nothing was sent yet: fails unless the transaction is admitted.
    pub(crate) async fn admit(&mut self) -> Result<(), SqlError> {
        if self.is_begun {
            return Ok(());
        }
        self.send(None, false).await.map(drop)
    }

    pub(crate) async fn execute(&mut self, statement: BoundStatement) -> Result<u64, SqlError> {
        let reply = self.traced(statement).await?;
        Ok(reply.answers.affected(reply.at))
    }

    pub(crate) async fn fetch_optional<T: FromRow>(
        &mut self,
        statement: BoundStatement,
    ) -> Result<Option<T>, SqlError> {
        let reply = self.traced(statement).await?;
        let mut rows = reply.answers.rows(reply.at);
        rows.next().map(|row| T::from_row(&Row::new(row))).transpose().map_err(SqlError::from)
    }

    pub(crate) async fn fetch_all<T: FromRow>(
        &mut self,
        statement: BoundStatement,
    ) -> Result<Vec<T>, SqlError> {
        let reply = self.traced(statement).await?;
        let mut rows = reply.answers.rows(reply.at);
        let mut all = Vec::with_capacity(rows.left());
        while let Some(row) = rows.next() {
            all.push(T::from_row(&Row::new(row))?);
        }
        Ok(all)
    }

    /// Sets a savepoint with the next statement; savepoints may be nested. A failed read needs none: it leaves nothing to
    /// undo.
    pub(crate) fn savepoint(&mut self) -> Result<()> {
        self.committable()?;
        self.control(SAVEPOINT);
        Ok(())
    }

    /// Releases the last savepoint with the next statement.
    pub(crate) fn release(&mut self) {
        self.control(RELEASE);
    }

    /// Rolls back to the last savepoint with the next statement, and clears the aborted state.
    pub(crate) fn rollback_to(&mut self, timeout: Option<Duration>) {
        self.is_aborted = false;
        self.timeout = timeout;
        self.control(ROLLBACK_TO);
        self.control(RELEASE);
    }

    /// Statement timeout that [`set_statement_timeout`](Self::set_statement_timeout) has set for a read.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sets the statement timeout for the rest of the transaction, or until a rollback to the savepoint. `None` is the
    /// default of the role.
    pub(crate) fn set_statement_timeout(&mut self, time: Option<Duration>) {
        match (self.access, time) {
            (AccessMode::Read, _) => self.timeout = time,
            (AccessMode::Write, None) => self.control(RESET_TIMEOUT),
            (AccessMode::Write, Some(time)) => {
                let mut values = Bindings::default();
                values.bind(time.as_millis().to_string());
                self.pending.push((SET_TIMEOUT, values));
            }
        }
    }

    fn control(&mut self, text: &'static str) {
        if self.access == AccessMode::Write {
            self.pending.push((text, Bindings::default()));
        }
    }

    /// Fails if a statement failed: the transaction is aborted and a COMMIT would roll back.
    pub(crate) fn committable(&self) -> Result<()> {
        if self.is_aborted { Err(Error::TransactionAborted) } else { Ok(()) }
    }

    /// Commits, after `last`, in one batch with it; then returns the connection to the pool.
    pub(crate) async fn commit(mut self, last: Option<BoundStatement>) -> Result<()> {
        self.committable()?;
        if self.access == AccessMode::Read {
            return Ok(self.admit().await?); // nothing to lose
        }
        self.commit_write(last).await.map(drop)
    }

    /// As [`commit`](Self::commit) of a write; returns the row of `last`.
    pub(crate) async fn commit_with<T: FromRow>(mut self, last: BoundStatement) -> Result<Option<T>> {
        self.committable()?;
        let reply = self.commit_write(Some(last)).await?;
        let mut rows = reply.answers.rows(reply.at);
        Ok(rows.next().map(|row| T::from_row(&Row::new(row))).transpose()?)
    }

    async fn commit_write(&mut self, last: Option<BoundStatement>) -> Result<Reply> {
        let span = trace::statement(&self.span, COMMIT);
        let answer = self.send(last.as_ref(), true).await;
        trace::judge(&span, &answer);
        let reply = answer.map_err(|error| match error {
            error if error.is_of_connection() => Error::OutcomeUnknown(error),
            error => error.into(),
        })?;
        let answers = &reply.answers;
        if answers.status() != TransactionStatus::Idle
            || answers.command(answers.succeeded() - 1) != COMMITTED
        {
            self.is_aborted = true;
            return Err(Error::TransactionAborted);
        }
        drop(self.conn.take());
        Ok(reply)
    }

    async fn traced(&mut self, statement: BoundStatement) -> Result<Reply, SqlError> {
        let span = trace::statement(&self.span, &statement.text);
        let answer = self.send(Some(&statement), false).await;
        trace::judge(&span, &answer);
        answer
    }

    /// Sends a statement, with what has to go in front of it; and with COMMIT behind it, if it is the `last`.
    async fn send(&mut self, statement: Option<&BoundStatement>, is_last: bool) -> Result<Reply, SqlError> {
        let before = match self.access {
            AccessMode::Read => self.opening_of_read(),
            AccessMode::Write => mem::take(&mut self.pending),
        };
        loop {
            let is_pooled = self.conn.as_ref().is_some_and(|conn| Object::metrics(conn).recycle_count > 0);
            match self.send_once(&before, statement, is_last).await {
                Err(error) if self.may_repeat(is_pooled, &error) => self.replace_connection().await?,
                Err(error) => return Err(self.broken(error)),
                reply => return reply,
            }
        }
    }

    /// Closes the connection of a write whose batch was not answered, or not even sent: what was to go in front of the next
    /// statement is lost, such as the account.
    fn broken(&mut self, error: SqlError) -> SqlError {
        if self.access == AccessMode::Write && error.server().is_none() {
            self.is_aborted = true;
            if let Some(conn) = self.conn.take() {
                drop(Object::take(conn));
            }
        }
        error
    }

    /// Whether a read failed for a reason that is the pooled connection's: it was closed, or its prepared statement is of
    /// another schema.
    fn may_repeat(&self, is_pooled: bool, error: &SqlError) -> bool {
        let is_its_own = error.is_of_connection() || error.code().is_some_and(|code| code == STALE_PLAN);
        self.access == AccessMode::Read && is_pooled && is_its_own
    }

    async fn replace_connection(&mut self) -> Result<(), SqlError> {
        if let Some(conn) = self.conn.take() {
            drop(Object::take(conn));
        }
        let conn = borrow(&self.pool).await.map_err(|_| SqlError::Ended)?;
        self.conn = Some(conn);
        Ok(())
    }

    fn opening_of_read(&self) -> Vec<Prepared> {
        let timeout = self.timeout.map(|timeout| timeout.as_millis());
        let settings = self.context.map(|context| context.enter_read(timeout));
        settings.into_iter().chain(self.admission.statement()).collect()
    }

    async fn send_once(
        &mut self,
        before: &[Prepared],
        statement: Option<&BoundStatement>,
        is_last: bool,
    ) -> Result<Reply, SqlError> {
        let conn = self.conn.as_mut().ok_or(SqlError::Ended)?;
        let mut batch = conn.pg.batch();
        for (text, values) in before {
            let (types, values) = values.encoded()?;
            batch.add(&Statement::new(text).with(types, values))?;
        }
        if let Some(statement) = statement {
            batch.add(&statement.encoded()?)?;
        }
        if is_last {
            batch.add(&Statement::new(COMMIT))?;
        }
        self.is_begun = true;
        let answers = batch.send().await?;
        conn.is_stale |= answers.error().is_some_and(|error| error.code == STALE_PLAN);
        self.is_aborted |= answers.error().is_some();
        let at = (before.len() + usize::from(statement.is_some())).saturating_sub(1);
        Ok(Reply { answers: answers.into_result()?, at })
    }
}

impl Drop for OpenTx {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if conn.pg.is_busy() || conn.is_stale {
            // A connection with an unread answer is closed: the next borrower could read rows of another account. It
            // costs a new connection, but only after a request was cancelled.
            drop(Object::take(conn));
        } else if self.access == AccessMode::Write && self.is_begun {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(roll_back(conn))),
                Err(_) => drop(Object::take(conn)),
            }
        }
    }
}
