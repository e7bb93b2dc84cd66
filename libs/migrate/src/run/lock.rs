//! Mutual exclusion of runners. The lock is polled: waiting in `pg_advisory_lock` would hold a snapshot, for which
//! `create index concurrently` of the lock holder waits: a deadlock.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::event::Event;
use crate::{
    Error, RunOptions,
    advisory_locks::{BACKUP_LOCK, MIGRATION_LOCK, holder},
};

/// Acquires both locks, for the lifetime of the connection.
pub(crate) async fn take(conn: &mut PgConnection, settings: &RunOptions) -> Result<(), Error> {
    take_one(conn, MIGRATION_LOCK, settings).await?;
    take_one(conn, BACKUP_LOCK, settings).await
}

pub(crate) async fn take_one(conn: &mut PgConnection, key: i64, settings: &RunOptions) -> Result<(), Error> {
    let end = Instant::now() + settings.lock_wait;
    let mut told = false;
    loop {
        let (taken,): (bool,) =
            sqlx::query_as("select pg_try_advisory_lock($1)").bind(key).fetch_one(&mut *conn).await?;
        if taken {
            return Ok(());
        }
        let holder = holder(conn, key).await?;
        if Instant::now() > end {
            return Err(Error::Locked(holder.unwrap_or_default()));
        }
        if let Some(holder) = holder.filter(|_| !told) {
            settings.listener.tell(&Event::Waiting(holder));
            told = true;
        }
        sleep(pause()).await;
    }
}

/// Polling delay with jitter: replicas that start together must not poll in step.
pub(crate) fn pause() -> Duration {
    let jitter = Uuid::new_v4().as_u128() % 100;
    Duration::from_millis(100 + u64::try_from(jitter).unwrap_or(0))
}
