//! Puts one database in the place of another: two renames in one transaction. Whoever is killed at any moment leaves
//! either the old one live, or the new one.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Duration, sleep};

use super::{Beside, beside::connect};
use crate::{Config, Error, verify::millis};

/// Of whoever restores, in the database `postgres` of the server.
const RESTORE_LOCK: i64 = 0x6e65_786f_0000_0010;
const MAINTENANCE: &str = "postgres";
const ATTEMPTS: usize = 20;
/// How long to wait for another restore.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection beside the databases that are swapped. One restore at a time holds it.
pub(super) struct Admin {
    pub(super) conn: PgConnection,
    pub(super) live: String,
    options: PgConnectOptions,
}

/// What a swap did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Swapped {
    /// The name under which what was live is kept.
    pub kept: String,
    /// How long nobody could connect, at most, in milliseconds.
    pub gap_ms: u64,
}

impl Beside {
    /// Makes it the live database. What was live is kept under another name.
    pub async fn swap_in(mut self, config: &Config) -> Result<Swapped, Error> {
        let kept = self.admin.name("before", config.now());
        let swapped = Box::pin(self.admin.swap(&self.database, &kept)).await;
        self.admin.leave().await?;
        swapped
    }
}

/// Brings back what was live before the last restore. What is live now is kept under another name.
pub async fn undo(config: &Config, live: &PgConnectOptions) -> Result<Swapped, Error> {
    let mut admin = Admin::enter(live).await?;
    let before = admin.databases("before").await?.into_iter().next();
    let before = before.ok_or_else(|| Error::NothingToUndo(admin.live.clone()))?;
    let kept = admin.name("undone", config.now());
    let swapped = Box::pin(admin.swap(&before, &kept)).await;
    admin.leave().await?;
    swapped
}

/// Drops what restores have kept of earlier live databases, but the newest; gives back their names.
pub async fn sweep(live: &PgConnectOptions, dry: bool) -> Result<Vec<String>, Error> {
    let mut admin = Admin::enter(live).await?;
    let mut old: Vec<String> = admin.databases("before").await?.into_iter().skip(1).collect();
    old.extend(admin.databases("undone").await?.into_iter().skip(1));
    for database in old.iter().filter(|_| !dry) {
        admin.drop_database(database).await?;
    }
    admin.leave().await?;
    Ok(old)
}

impl Admin {
    pub(super) async fn enter(live: &PgConnectOptions) -> Result<Self, Error> {
        let options = live.clone().database(MAINTENANCE).application_name("nexo-restore");
        let mut conn = connect(&options).await?;
        let end = Instant::now() + PATIENCE;
        loop {
            let (taken,): (bool,) = sqlx::query_as("select pg_try_advisory_lock($1)")
                .bind(RESTORE_LOCK)
                .fetch_one(&mut conn)
                .await?;
            if taken {
                break;
            }
            if Instant::now() > end {
                let holder = migrate::lock_holder(&mut conn, RESTORE_LOCK).await?;
                return Err(Error::Restoring(holder.unwrap_or_default()));
            }
            sleep(Duration::from_millis(300)).await;
        }
        let live = live.get_database().unwrap_or_else(|| live.get_username()).to_owned();
        Ok(Self { conn, live, options })
    }

    pub(super) async fn leave(self) -> Result<(), Error> {
        Ok(self.conn.close().await?)
    }

    async fn swap(&mut self, new: &str, kept: &str) -> Result<Swapped, Error> {
        let live = self.live.clone();
        let both = [live.as_str(), new];
        let mut ender = connect(&self.options).await?;
        let mut last = Error::Ended;
        for _ in 0..ATTEMPTS {
            self.insist_free(&both).await?;
            end_sessions(&mut ender, &both).await?;
            let begun = Instant::now();
            // Sessions that came in between are ended while the renames wait for them.
            let renames = renames(&mut self.conn, &live, new, kept);
            let renamed = tokio::select! {
                renamed = renames => renamed,
                failed = keep_ending(&mut ender, &both) => Err(failed),
            };
            match renamed {
                Ok(()) => return Ok(Swapped { kept: kept.to_owned(), gap_ms: millis(begun) }),
                Err(Error::Database(failed)) if in_use(&failed) => {
                    self.conn.execute("rollback").await?;
                    last = Error::Database(failed);
                }
                // A connection that breaks at COMMIT does not tell whether it was done: the names do.
                Err(_) if exists(&self.options, kept).await? => {
                    return Ok(Swapped { kept: kept.to_owned(), gap_ms: millis(begun) });
                }
                Err(failed) => return Err(failed),
            }
        }
        Err(last)
    }

    /// Sessions that we may not end, and so must not try to.
    async fn insist_free(&mut self, databases: &[&str]) -> Result<(), Error> {
        let (sessions,): (Option<String>,) = sqlx::query_as(
            "select string_agg(format('pid %s, %s, %s', a.pid, a.usename, a.application_name), '; ')
             from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
             where a.datname = any($1) and r.rolsuper and a.backend_type = 'client backend'
               and not (select rolsuper from pg_roles where rolname = current_user)",
        )
        .bind(databases)
        .fetch_one(&mut self.conn)
        .await?;
        match sessions {
            Some(sessions) => Err(Error::InUse { database: self.live.clone(), sessions }),
            None => Ok(()),
        }
    }
}

async fn renames(conn: &mut PgConnection, live: &str, new: &str, kept: &str) -> Result<(), Error> {
    let (first, second): (String, String) = sqlx::query_as(
        "select format('alter database %I rename to %I', $1, $3), format('alter database %I rename to %I', $2, $1)",
    )
    .bind(live)
    .bind(new)
    .bind(kept)
    .fetch_one(&mut *conn)
    .await?;
    conn.execute("begin").await?;
    conn.execute(AssertSqlSafe(first)).await?;
    conn.execute(AssertSqlSafe(second)).await?;
    conn.execute("commit").await?;
    Ok(())
}

async fn exists(options: &PgConnectOptions, database: &str) -> Result<bool, Error> {
    let mut conn = connect(options).await?;
    let (there,) = sqlx::query_as("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(&mut conn)
        .await?;
    conn.close().await?;
    Ok(there)
}

async fn end_sessions(conn: &mut PgConnection, databases: &[&str]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
         where a.datname = any($1) and a.pid <> pg_backend_pid()
           and (not r.rolsuper or (select rolsuper from pg_roles where rolname = current_user))",
    )
    .bind(databases)
    .execute(conn)
    .await
    .map(drop)
}

async fn keep_ending(conn: &mut PgConnection, databases: &[&str]) -> Error {
    loop {
        if let Err(failed) = end_sessions(conn, databases).await {
            return failed.into();
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// 55006, `object_in_use`: somebody was still there.
fn in_use(failed: &sqlx::Error) -> bool {
    failed.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55006")
}
