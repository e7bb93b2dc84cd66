//! Mutual exclusion of commands that replace the live database or remove backups.

use std::time::Instant;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Duration, sleep};

use crate::Error;

/// Database that exists on every server and is never renamed: an advisory lock in it survives the swap.
const MAINTENANCE: &str = "postgres";
/// Upper half of the keys of NEXO's advisory locks.
const KEYS: i64 = 0x6e65_786f_0000_0000;
/// Default timeout for the lock of another command.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// Exclusive lock on the live database among restores, resets, rollbacks and retention.
///
/// A session in the maintenance database holds an advisory lock; the server releases it when the process ends,
/// however it ends. Count rows only after acquiring it: the live database may have been replaced.
pub struct Exclusive {
    pub(super) conn: PgConnection,
    pub(super) live: String,
    pub(super) live_options: PgConnectOptions,
    pub(super) maintenance: PgConnectOptions,
}

impl Exclusive {
    /// Acquires the lock, waiting up to `wait`; on a timeout the error names its holder. `what` names this
    /// command to others. `waiting` is called once, with the holder.
    pub async fn enter(
        live: &PgConnectOptions,
        what: &str,
        wait: Duration,
        waiting: impl Fn(&migrate::LockHolder),
    ) -> Result<Self, Error> {
        let name = live.get_database().unwrap_or_else(|| live.get_username()).to_owned();
        let maintenance = live.clone().database(MAINTENANCE).application_name(&short(what));
        let mut conn = PgConnection::connect_with(&maintenance).await?;
        let (key, end) = (key(&name), Instant::now() + wait);
        let mut told = false;
        while !try_lock(&mut conn, key).await? {
            let holder = migrate::lock_holder(&mut conn, key).await?;
            if Instant::now() > end {
                return Err(Error::Restoring(holder.unwrap_or_default()));
            }
            if let Some(holder) = holder.filter(|_| !std::mem::replace(&mut told, true)) {
                waiting(&holder);
            }
            sleep(RETRY_DELAY).await;
        }
        Ok(Self { conn, live: name, live_options: live.clone(), maintenance })
    }

    /// Releases the lock and closes the session.
    pub async fn leave(self) -> Result<(), Error> {
        Ok(self.conn.close().await?)
    }

    /// Fails if a migration or backup runs in the live database and does not end within a minute; the error names
    /// it.
    pub async fn insist_idle(&self) -> Result<(), Error> {
        if let Some(session) = self.keep_idle().await? {
            session.close().await?;
        }
        Ok(())
    }

    /// Opens a session in the live database that holds the locks of migrations and backups. `None` if the live
    /// database does not accept connections, so that none of them can run.
    pub(super) async fn keep_idle(&self) -> Result<Option<PgConnection>, Error> {
        let options = self.live_options.clone().application_name("nexo swap");
        let mut conn = match PgConnection::connect_with(&options).await.map_err(Error::Database) {
            Ok(conn) => conn,
            Err(failed) => {
                tracing::warn!(error = %failed, "the live database cannot be entered");
                return Ok(None);
            }
        };
        for key in [migrate::MIGRATION_LOCK, migrate::BACKUP_LOCK] {
            let end = Instant::now() + LOCK_TIMEOUT;
            while !try_lock(&mut conn, key).await? {
                if Instant::now() > end {
                    let holder = migrate::lock_holder(&mut conn, key).await?;
                    return Err(Error::AtWork(holder.unwrap_or_default()));
                }
                sleep(RETRY_DELAY).await;
            }
        }
        Ok(Some(conn))
    }
}

async fn try_lock(conn: &mut PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    let (taken,) = sqlx::query_as("select pg_try_advisory_lock($1)").bind(key).fetch_one(conn).await?;
    Ok(taken)
}

/// Lock key of a live database (FNV-1a of its name). On a collision two databases merely wait for each other.
fn key(live: &str) -> i64 {
    let hash =
        live.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    KEYS | i64::from(hash)
}

/// Truncates an application name: PostgreSQL keeps 63 bytes.
fn short(what: &str) -> String {
    what.chars().filter(char::is_ascii).take(63).collect()
}
