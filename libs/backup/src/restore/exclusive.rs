//! One command at a time may put another database in the place of the live one, or take backups away.

use std::time::Instant;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Duration, sleep};

use super::beside::connect;
use crate::Error;

/// The database that is there on every server, and that no restore renames: an advisory lock there survives the swap.
const MAINTENANCE: &str = "postgres";
/// The upper half of the keys of NEXO's advisory locks.
const KEYS: i64 = 0x6e65_786f_0000_0000;
/// How long to wait for another command.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// The live database to oneself, as far as restores, resets, rollbacks and retention are concerned.
///
/// A session in the maintenance database holds an advisory lock; it ends with the process, however that ends. Whoever
/// waits for it should count rows only once it has it: another database may be live by then.
pub struct Exclusive {
    pub(super) conn: PgConnection,
    pub(super) live: String,
    pub(super) live_options: PgConnectOptions,
    pub(super) maintenance: PgConnectOptions,
}

impl Exclusive {
    /// Waits for other commands, a minute at most; then tells which one holds it. `what` names this command to them.
    /// `waiting` is called once, with the command that is waited for.
    pub async fn enter(
        live: &PgConnectOptions,
        what: &str,
        waiting: impl Fn(&migrate::Holder),
    ) -> Result<Self, Error> {
        let name = live.get_database().unwrap_or_else(|| live.get_username()).to_owned();
        let maintenance = live.clone().database(MAINTENANCE).application_name(&short(what));
        let mut conn = connect(&maintenance).await?;
        let (key, end) = (key(&name), Instant::now() + PATIENCE);
        let mut told = false;
        while !try_lock(&mut conn, key).await? {
            let holder = migrate::lock_holder(&mut conn, key).await?;
            if Instant::now() > end {
                return Err(Error::Restoring(holder.unwrap_or_default()));
            }
            if let Some(holder) = holder.filter(|_| !std::mem::replace(&mut told, true)) {
                waiting(&holder);
            }
            sleep(PAUSE).await;
        }
        Ok(Self { conn, live: name, live_options: live.clone(), maintenance })
    }

    /// Lets others have it.
    pub async fn leave(self) -> Result<(), Error> {
        Ok(self.conn.close().await?)
    }

    /// Fails, naming it, if a migration or a backup works with the live database, and does not end within a minute.
    pub async fn insist_idle(&self) -> Result<(), Error> {
        if let Some(session) = self.keep_idle().await? {
            session.close().await?;
        }
        Ok(())
    }

    /// A session in the live database that keeps migrations and backups from beginning. `None`: the live database cannot
    /// be entered, so that nobody works with it.
    pub(super) async fn keep_idle(&self) -> Result<Option<PgConnection>, Error> {
        let mut conn = match connect(&self.live_options.clone().application_name("nexo swap")).await {
            Ok(conn) => conn,
            Err(failed) => {
                tracing::warn!(error = %failed, "the live database cannot be entered");
                return Ok(None);
            }
        };
        for key in [migrate::MIGRATION_LOCK, migrate::BACKUP_LOCK] {
            let end = Instant::now() + PATIENCE;
            while !try_lock(&mut conn, key).await? {
                if Instant::now() > end {
                    let holder = migrate::lock_holder(&mut conn, key).await?;
                    return Err(Error::AtWork(holder.unwrap_or_default()));
                }
                sleep(PAUSE).await;
            }
        }
        Ok(Some(conn))
    }
}

async fn try_lock(conn: &mut PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    let (taken,) = sqlx::query_as("select pg_try_advisory_lock($1)").bind(key).fetch_one(conn).await?;
    Ok(taken)
}

/// One for each live database of a server (FNV-1a of its name). Two that share one wait for each other, and no more.
fn key(live: &str) -> i64 {
    let hash =
        live.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    KEYS | i64::from(hash)
}

/// PostgreSQL keeps 63 bytes of a session's name.
fn short(what: &str) -> String {
    what.chars().filter(char::is_ascii).take(63).collect()
}
