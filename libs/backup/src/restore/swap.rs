//! Replaces the live database by another one: two renames in one transaction, so that an interruption leaves
//! either one live.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use time::OffsetDateTime;
use tokio::time::{Duration, sleep};

use super::{
    Exclusive, KeptDatabase, ShadowDatabase,
    carry::carry_over,
    kept_databases::{DatabaseComment, Kind},
};
use crate::{Config, Error, watch::millis};

const ATTEMPTS: usize = 20;

/// Result of a swap of databases.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SwapResult {
    /// Name under which the former live database is kept.
    pub kept: String,
    /// Maximum time without connections, in milliseconds.
    pub gap_ms: u64,
}

/// Parameters of a swap.
struct SwapPlan<'s> {
    /// Database that becomes live.
    new: &'s str,
    /// Name under which the live database is kept.
    kept: String,
    note: DatabaseComment,
}

impl ShadowDatabase {
    /// Makes this the live database. The former one is kept under another name, with `reason` in its comment.
    pub async fn swap_in(mut self, config: &Config, reason: &str) -> Result<SwapResult, Error> {
        let done = Box::pin(self.exclusive.swap(&self.database, Kind::Before, config.now(), reason)).await;
        if done.is_err() && self.exclusive.drop_database(&self.database).await.is_err() {
            tracing::warn!(database = self.database, "left beside; the next restore takes it away");
        }
        self.exclusive.leave().await?;
        done
    }
}

impl Exclusive {
    /// Finds the database that an undo brings back: the one live before the last restore, reset or undo, so that
    /// an undo can be undone. `wanted` selects an earlier one by name.
    pub async fn before(&mut self, wanted: Option<&str>) -> Result<KeptDatabase, Error> {
        let mut kept = self.kept().await?.into_iter();
        let found = match wanted {
            Some(wanted) => kept.find(|one| one.database == wanted),
            None => kept.find(|one| one.kind != Kind::Into),
        };
        found.ok_or_else(|| match wanted {
            Some(wanted) => Error::NotKept(wanted.to_owned()),
            None => Error::NothingToUndo(self.live.clone()),
        })
    }

    /// Makes that database live again. The current one is kept under another name.
    pub async fn undo(
        &mut self,
        config: &Config,
        before: &KeptDatabase,
        reason: &str,
    ) -> Result<SwapResult, Error> {
        Box::pin(self.swap(&before.database, Kind::Undone, config.now(), reason)).await
    }

    async fn swap(
        &mut self,
        new: &str,
        kind: Kind,
        now: OffsetDateTime,
        reason: &str,
    ) -> Result<SwapResult, Error> {
        let (kept, at) = self.name_to_keep(kind, now).await?;
        let note = DatabaseComment { nexo: self.live.clone(), kind, at, reason: reason.to_owned() };
        let swap = SwapPlan { new, kept, note };
        let idle = self.keep_idle().await?; // held until its session is terminated below
        let new_options = self.live_options.clone().database(new);
        carry_over(&self.live_options, &new_options).await;
        let done = self.rename(&swap).await;
        drop(idle);
        if done.is_ok() {
            // Entries that other operators' commands have added since the first copy.
            carry_over(&self.live_options.clone().database(&swap.kept), &self.live_options).await;
        }
        done
    }

    async fn rename(&mut self, swap: &SwapPlan<'_>) -> Result<SwapResult, Error> {
        let live = self.live.clone();
        let both = [live.as_str(), swap.new];
        let statements = self.statements(swap).await?;
        let wanted = self.oid(swap.new).await?;
        let mut ender = PgConnection::connect_with(&self.maintenance).await?;
        let mut last = Error::Ended;
        for _ in 0..ATTEMPTS {
            self.insist_free(&both).await?;
            end_sessions(&mut ender, &both).await?;
            let begun = Instant::now();
            // Sessions that connect in between are terminated while the renames wait for them.
            let renamed = tokio::select! {
                renamed = in_one_transaction(&mut self.conn, &statements) => renamed,
                failed = keep_ending(&mut ender, &both) => Err(failed),
            };
            let swapped = || SwapResult { kept: swap.kept.clone(), gap_ms: millis(begun) };
            match renamed {
                Ok(()) => return Ok(swapped()),
                Err(Error::Database(failed)) if in_use(&failed) => {
                    self.conn.execute("rollback").await?;
                    last = Error::Database(failed);
                }
                // If the connection breaks at COMMIT, the outcome is unknown: the database names decide.
                Err(failed) => {
                    let mut look = PgConnection::connect_with(&self.maintenance).await?;
                    let is_live = oid(&mut look, &live).await? == wanted;
                    look.close().await?;
                    return if is_live { Ok(swapped()) } else { Err(failed) };
                }
            }
        }
        Err(last)
    }

    /// Statements of the renames, and of the comments that describe the databases.
    async fn statements(&mut self, swap: &SwapPlan<'_>) -> Result<Vec<String>, Error> {
        let (statements,): (Vec<String>,) = sqlx::query_as(
            "select array[format('alter database %I rename to %I', $1, $3), format('alter database %I rename to %I', $2, $1),
                          format('comment on database %I is %L', $3, $4), format('comment on database %I is null', $1)]",
        )
        .bind(&self.live)
        .bind(swap.new)
        .bind(&swap.kept)
        .bind(serde_json::to_string(&swap.note)?)
        .fetch_one(&mut self.conn)
        .await?;
        Ok(statements)
    }

    async fn oid(&mut self, database: &str) -> Result<Option<i64>, Error> {
        oid(&mut self.conn, database).await
    }

    /// Fails if there are sessions of superusers, which this role must not terminate.
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

async fn in_one_transaction(conn: &mut PgConnection, statements: &[String]) -> Result<(), Error> {
    conn.execute("begin").await?;
    for statement in statements {
        conn.execute(AssertSqlSafe(statement.clone())).await?;
    }
    conn.execute("commit").await?;
    Ok(())
}

async fn oid(conn: &mut PgConnection, database: &str) -> Result<Option<i64>, Error> {
    let found: Option<(i64,)> = sqlx::query_as("select oid::bigint from pg_database where datname = $1")
        .bind(database)
        .fetch_optional(conn)
        .await?;
    Ok(found.map(|(oid,)| oid))
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

/// Whether the error is 55006 (`object_in_use`): the database still had sessions.
fn in_use(failed: &sqlx::Error) -> bool {
    failed.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55006")
}
