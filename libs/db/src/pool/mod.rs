//! Connections: a small pool of our own, private to this crate.
//!
//! sqlx's pool sends a ping at every checkout and another at every return; a round trip costs more than most of our
//! statements. Here a connection that went bad is noticed when its transaction opens, and replaced. And a transaction
//! that only read is ended by the message that opens the next one on its connection, or a moment later when none comes.

mod meters;

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleResult, Timeouts, WeakPool},
};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::{Error, Result, tx::PREPARE};
use meters::Meters;

/// How long a request waits for a connection before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the end of a transaction that nobody waits for may take.
const CLEAN_UP: Duration = Duration::from_secs(2);
/// How long a transaction that only read may rest before it is ended for its own sake. It holds no snapshot, but locks
/// that a migration would wait for.
const REST: Duration = Duration::from_millis(20);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not answer.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Error),
    /// Its schema or its server is not one that we can work with.
    #[error("the database cannot be used")]
    Migration(#[from] migrate::Error),
    /// It does not keep accounts apart.
    #[error(transparent)]
    Isolation(#[from] crate::IsolationError),
}

pub(crate) type Pool = managed::Pool<Manager>;
pub(crate) type Borrowed = Object<Manager>;

pub(crate) struct Manager {
    options: PgConnectOptions,
    meters: Meters,
}

/// A connection of the pool.
pub(crate) struct Conn {
    pub(crate) pg: PgConnection,
    /// Since when a transaction that only read waits here to be ended.
    resting: Option<Instant>,
}

impl Conn {
    /// What the next message must begin with.
    pub(crate) fn ending(&mut self) -> &'static str {
        if self.resting.take().is_some() { "commit; " } else { "" }
    }

    /// Leaves a transaction that only read to be ended later.
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
        Ok(()) // only clean connections come back, and opening a transaction notices a dead one
    }
}

pub(crate) fn pool(options: PgConnectOptions, size: usize, name: &'static str) -> Result<Pool> {
    let (options, meters) = (options.statement_cache_capacity(500), Meters::of(name));
    let pool = Pool::builder(Manager { options, meters })
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .build()
        .map_err(|error| Error::Unavailable(Box::new(error)))?;
    tokio::spawn(end_resting(pool.weak()));
    Ok(pool)
}

pub(crate) async fn borrow(pool: &Pool) -> Result<Borrowed> {
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

/// Ends a transaction that nobody waits for, and gives the connection back if that went well.
pub(crate) async fn end(mut conn: Borrowed, ending: &'static str) {
    let ended = timeout(CLEAN_UP, conn.pg.execute(ending)).await;
    if !matches!(ended, Ok(Ok(_))) {
        drop(Object::take(conn));
    }
}

/// Ends the transactions that rest too long, for as long as there is a pool; and tells of it, which costs nothing here.
async fn end_resting(pool: WeakPool<Manager>) {
    let at_once = Timeouts { wait: Some(Duration::ZERO), create: Some(Duration::ZERO), recycle: None };
    loop {
        sleep(REST).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.manager().meters.show(&pool.status());
        for _ in 0..pool.status().available {
            let Ok(mut conn) = pool.timeout_get(&at_once).await else { break };
            match conn.resting {
                Some(since) if since.elapsed() >= REST => {
                    conn.resting = None;
                    end(conn, "commit").await;
                }
                Some(_) => break, // the oldest comes first
                None => {}
            }
        }
    }
}
