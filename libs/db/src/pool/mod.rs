//! Connection pool, private to this crate.
//!
//! A connection is not pinged: a round trip costs more than most statements. One that the server has closed is noticed
//! without a system call, and replaced.

mod client_config;
mod meters;

use std::time::Duration;

pub(crate) use client_config::client_config;
use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, WeakPool},
};
use meters::Meters;
use pg_client::{Config, Connection};
use tokio::time::{Instant, sleep, timeout};

use crate::{Error, Result, SqlError};

/// Timeout for acquiring a connection; then the request fails as retryable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout for ending a transaction in the background.
const CLEAN_UP: Duration = Duration::from_secs(2);
/// Interval between updates of the pool's gauges.
const METERS_INTERVAL: Duration = Duration::from_secs(1);

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
    config: Config,
    meters: Meters,
}

/// A connection of the pool.
pub(crate) struct Conn {
    pub(crate) pg: Connection,
    /// Whether a statement was prepared for another schema. Such a connection is not returned to the pool.
    pub(crate) is_stale: bool,
}

impl managed::Manager for Manager {
    type Type = Conn;
    type Error = pg_client::Error;

    async fn create(&self) -> Result<Conn, pg_client::Error> {
        Ok(Conn { pg: Connection::connect(&self.config).await?, is_stale: false })
    }

    async fn recycle(&self, conn: &mut Conn, _: &Metrics) -> RecycleResult<pg_client::Error> {
        if conn.pg.is_usable() { Ok(()) } else { Err(RecycleError::message("closed by the server")) }
    }
}

pub(crate) fn pool(config: Config, size: usize, name: &'static str) -> Result<Pool> {
    let pool = Pool::builder(Manager { config, meters: Meters::new(name) })
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(ACQUIRE_TIMEOUT))
        .create_timeout(Some(ACQUIRE_TIMEOUT))
        .build()
        .map_err(|error| Error::Unavailable(Box::new(error)))?;
    tokio::spawn(show_meters(pool.weak()));
    Ok(pool)
}

pub(crate) async fn borrow(pool: &Pool) -> Result<PooledConnection> {
    let start = Instant::now();
    let borrowed = pool.get().await;
    let meters = &pool.manager().meters;
    meters.waited(start.elapsed());
    borrowed.map_err(|error| match error {
        PoolError::Backend(error) => SqlError::from(error).into(),
        error => {
            meters.gave_up();
            Error::Unavailable(Box::new(error))
        }
    })
}

/// Rolls back in the background, and returns the connection to the pool on success.
pub(crate) async fn roll_back(mut conn: PooledConnection) {
    let ended = timeout(CLEAN_UP, conn.pg.execute("rollback")).await;
    if !matches!(ended, Ok(Ok(_))) {
        drop(Object::take(conn));
    }
}

/// Updates the gauges as long as the pool exists.
async fn show_meters(pool: WeakPool<Manager>) {
    while let Some(pool) = pool.upgrade() {
        pool.manager().meters.show(&pool.status());
        drop(pool);
        sleep(METERS_INTERVAL).await;
    }
}
