//! Connection pool, private to this crate.
//!
//! sqlx's pool pings at every checkout and at every return; a round trip costs more than most statements. Here a
//! broken connection is detected when its transaction opens, and replaced. A read-only transaction is ended by the
//! message that opens the connection's next one, or after [`IDLE_TX_LIMIT`].

mod meters;

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleResult, Timeouts, WeakPool},
};
use meters::Meters;
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::{Error, Result, context::PREPARE};

/// Timeout for acquiring a connection; then the request fails as retryable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout for ending a transaction in the background.
const CLEAN_UP: Duration = Duration::from_secs(2);
/// Maximum idle time of a read-only transaction before it is ended. It holds no snapshot, but locks that would
/// block a migration.
const IDLE_TX_LIMIT: Duration = Duration::from_millis(20);

/// Reason why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database server cannot be reached.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Error),
    /// The schema or the server is not compatible with this release.
    #[error("the database cannot be used")]
    Migration(#[from] migrate::Error),
    /// The database does not isolate accounts.
    #[error(transparent)]
    Isolation(#[from] crate::IsolationError),
}

pub(crate) type Pool = managed::Pool<Manager>;
pub(crate) type PooledConnection = Object<Manager>;

pub(crate) struct Manager {
    options: PgConnectOptions,
    meters: Meters,
}

/// A connection of the pool.
pub(crate) struct Conn {
    pub(crate) pg: PgConnection,
    /// Time since a read-only transaction has been idle, waiting to be ended.
    resting: Option<Instant>,
}

impl Conn {
    /// Returns the prefix of the next message: `commit` for an idle read-only transaction.
    pub(crate) fn ending(&mut self) -> &'static str {
        if self.resting.take().is_some() { "commit; " } else { "" }
    }

    /// Leaves a read-only transaction idle, to be ended later.
    pub(crate) fn rest(&mut self) {
        self.resting = Some(Instant::now());
    }
}

impl managed::Manager for Manager {
    type Type = Conn;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Conn, sqlx::Error> {
        let mut pg = PgConnection::connect_with(&self.options).await?;
        pg.execute(PREPARE).await?;
        Ok(Conn { pg, resting: None })
    }

    async fn recycle(&self, _: &mut Conn, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(()) // only clean connections are returned, and opening a transaction detects a dead one
    }
}

pub(crate) fn pool(options: PgConnectOptions, size: usize, name: &'static str) -> Result<Pool> {
    let (options, meters) = (options.statement_cache_capacity(500), Meters::new(name));
    let pool = Pool::builder(Manager { options, meters })
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(ACQUIRE_TIMEOUT))
        .create_timeout(Some(ACQUIRE_TIMEOUT))
        .build()
        .map_err(|error| Error::Unavailable(Box::new(error)))?;
    tokio::spawn(end_resting(pool.weak()));
    Ok(pool)
}

pub(crate) async fn borrow(pool: &Pool) -> Result<PooledConnection> {
    let start = Instant::now();
    let borrowed = pool.get().await;
    let meters = &pool.manager().meters;
    meters.waited(start.elapsed());
    borrowed.map_err(|error| match error {
        PoolError::Backend(error) => Error::from(error),
        error => {
            meters.gave_up();
            Error::Unavailable(Box::new(error))
        }
    })
}

/// Ends a transaction in the background, and returns the connection to the pool on success.
pub(crate) async fn end(mut conn: PooledConnection, ending: &'static str) {
    let ended = timeout(CLEAN_UP, conn.pg.execute(ending)).await;
    if !matches!(ended, Ok(Ok(_))) {
        drop(Object::take(conn));
    }
}

/// Ends read-only transactions that are idle for too long, as long as the pool exists. Also updates the pool's
/// gauges.
async fn end_resting(pool: WeakPool<Manager>) {
    let at_once = Timeouts { wait: Some(Duration::ZERO), create: Some(Duration::ZERO), recycle: None };
    loop {
        sleep(IDLE_TX_LIMIT).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.manager().meters.show(&pool.status());
        for _ in 0..pool.status().available {
            let Ok(mut conn) = pool.timeout_get(&at_once).await else { break };
            match conn.resting {
                Some(since) if since.elapsed() >= IDLE_TX_LIMIT => {
                    conn.resting = None;
                    end(conn, "commit").await;
                }
                Some(_) => break, // the pool is a queue: the longest idle comes first
                None => {}
            }
        }
    }
}
