//! Connections: a small pool of our own, private to this crate.
//!
//! sqlx's pool sends a ping at every checkout and another at every return; a round trip costs more than most of our
//! statements. Here a connection that went bad is noticed when its transaction opens, and replaced.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleResult},
};
use sqlx::{
    Connection as _, Executor as _, FromRow, PgConnection, SqlSafeStr as _, SqlStr,
    postgres::{PgArguments, PgConnectOptions, PgRow},
};

use crate::{Error, Result, Row, tx::Inside};

/// How long a request waits for a connection before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the end of a transaction that nobody waits for may take.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not answer.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Error),
    /// Its schema is not the one we need.
    #[error("the database is not at the right version")]
    Migration(#[from] migrate::Error),
    /// It does not keep accounts apart.
    #[error(transparent)]
    Isolation(#[from] crate::IsolationError),
}

pub(crate) type Pool = managed::Pool<Manager>;

pub(crate) struct Manager(PgConnectOptions);

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = sqlx::Error;

    fn create(&self) -> impl Future<Output = Result<PgConnection, sqlx::Error>> + Send {
        PgConnection::connect_with(&self.0)
    }

    async fn recycle(&self, _: &mut PgConnection, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(()) // only clean connections come back, and `begin` notices a dead one
    }
}

pub(crate) fn pool(options: PgConnectOptions, size: usize) -> Result<Pool> {
    Pool::builder(Manager(options.statement_cache_capacity(500)))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .build()
        .map_err(|error| Error::Unavailable(Box::new(error)))
}

/// A connection with an open transaction. Dropped before its [`end`](Self::end), it is rolled back.
pub(crate) struct OpenTx {
    conn: Option<Object<Manager>>,
    /// What ends the transaction when nobody does: `commit` for one that only reads.
    ending: &'static str,
    /// Whether a statement was sent and its answer not read to the end.
    mid_statement: AtomicBool,
    /// Whether the server refused a statement: it then answers a COMMIT with a rollback, and calls that a success.
    aborted: bool,
}

impl OpenTx {
    /// Borrows a connection and sends `opening`; one that was closed while it rested is replaced.
    pub(crate) async fn begin(pool: &Pool, opening: &str, ending: &'static str) -> Result<Self> {
        loop {
            let conn = pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => Error::from(error),
                error => Error::Unavailable(Box::new(error)),
            })?;
            let rested = Object::metrics(&conn).recycle_count > 0;
            let mut tx =
                Self { conn: Some(conn), ending, mid_statement: AtomicBool::new(true), aborted: false };
            let opening = sqlx::AssertSqlSafe(opening.to_owned()).into_sql_str(); // ids only: nothing a caller typed
            match tx.raw()?.execute(opening).await {
                Ok(_) => {
                    tx.mid_statement = AtomicBool::new(false);
                    return Ok(tx);
                }
                Err(error) if rested && crate::error::passing(&error) => drop(tx),
                Err(error) => return Err(error.into()),
            }
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
        let query = sqlx::query_with(text, values);
        let conn = self.sending()?;
        let answer = conn.execute(query).await.map(|done| done.rows_affected());
        self.answered(answer)
    }

    pub(crate) async fn fetch_optional<T>(
        &mut self,
        text: SqlStr,
        values: PgArguments,
    ) -> Result<Option<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let query = sqlx::query_as_with(text, values);
        let answer = query.fetch_optional(self.sending()?).await;
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
        let query = sqlx::query_as_with(text, values);
        let answer = query.fetch_all(self.sending()?).await;
        self.answered(answer)
    }

    /// Commits, and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<()> {
        if self.aborted {
            return Err(Error::Aborted);
        }
        let answer = self.sending()?.execute("commit").await;
        let done = self.answered(answer);
        if done.is_ok() {
            drop(self.conn.take());
        }
        done.map_err(Error::from)?;
        Ok(())
    }

    fn raw(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.conn.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// From here on the connection is only good again once its answer was read.
    fn sending(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.mid_statement.store(true, Ordering::Relaxed);
        self.raw()
    }

    /// A refusal by the server is an answer too; a broken connection is none.
    fn answered<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let whole = match &answer {
            Ok(_) | Err(sqlx::Error::Database(_) | sqlx::Error::RowNotFound) => true,
            Err(_) => false,
        };
        self.aborted |= matches!(answer, Err(sqlx::Error::Database(_)));
        self.mid_statement.store(!whole, Ordering::Relaxed);
        answer
    }
}

impl Drop for OpenTx {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // A connection that was left in the middle of an answer is closed: whoever borrowed it next might read
        // somebody else's rows. That costs a new connection, and only after a request was given up.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !self.mid_statement.load(Ordering::Relaxed) => {
                runtime.spawn(end(conn, self.ending));
            }
            _ => drop(Object::take(conn)),
        }
    }
}

async fn end(mut conn: Object<Manager>, ending: &'static str) {
    let ended = tokio::time::timeout(CLEAN_UP, conn.execute(ending)).await;
    if !matches!(ended, Ok(Ok(_))) {
        drop(Object::take(conn));
    }
}
