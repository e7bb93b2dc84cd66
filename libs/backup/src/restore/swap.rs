//! Puts one database in the place of another: two renames in one transaction. Killed at any moment, either the old one is
//! live, or the new one.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use time::OffsetDateTime;
use tokio::time::{Duration, sleep};

use super::{
    Beside, Exclusive, Kept,
    beside::connect,
    carry::carry_over,
    kept::{Kind, Note},
};
use crate::{Config, Error, verify::millis};

const ATTEMPTS: usize = 20;

/// What a swap did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Swapped {
    /// The name under which what was live is kept.
    pub kept: String,
    /// How long nobody could connect, at most, in milliseconds.
    pub gap_ms: u64,
}

/// A swap that is to be done.
struct Swap<'s> {
    /// The database that becomes the live one.
    new: &'s str,
    /// Under which name what is live is kept.
    kept: String,
    note: Note,
}

impl Beside {
    /// Makes it the live database. What was live is kept under another name. `because`: for whoever finds that one.
    pub async fn swap_in(mut self, config: &Config, reason: &str) -> Result<Swapped, Error> {
        let done = Box::pin(self.exclusive.swap(&self.database, Kind::Before, config.now(), reason)).await;
        if done.is_err() && self.exclusive.drop_database(&self.database).await.is_err() {
            tracing::warn!(database = self.database, "left beside; the next restore takes it away");
        }
        self.exclusive.leave().await?;
        done
    }
}

impl Exclusive {
    /// The database that an undo brings back: the one that was live before the last restore, reset or undo. So an undo is
    /// undone by another one. `wanted`: an earlier one, by its name.
    pub async fn before(&mut self, wanted: Option<&str>) -> Result<Kept, Error> {
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

    /// Brings that one back. What is live now is kept under another name.
    pub async fn undo(&mut self, config: &Config, before: &Kept, reason: &str) -> Result<Swapped, Error> {
        Box::pin(self.swap(&before.database, Kind::Undone, config.now(), reason)).await
    }

    async fn swap(
        &mut self,
        new: &str,
        kind: Kind,
        now: OffsetDateTime,
        reason: &str,
    ) -> Result<Swapped, Error> {
        let (kept, at) = self.name_to_keep(kind, now).await?;
        let note = Note { nexo: self.live.clone(), kind, at, reason: reason.to_owned() };
        let swap = Swap { new, kept, note };
        let idle = self.keep_idle().await?; // until its session is ended below
        let new_options = self.live_options.clone().database(new);
        carry_over(&self.live_options, &new_options).await;
        let done = self.rename(&swap).await;
        drop(idle);
        if done.is_ok() {
            // What another operator's command has noted in between.
            carry_over(&self.live_options.clone().database(&swap.kept), &self.live_options).await;
        }
        done
    }

    async fn rename(&mut self, swap: &Swap<'_>) -> Result<Swapped, Error> {
        let live = self.live.clone();
        let both = [live.as_str(), swap.new];
        let statements = self.statements(swap).await?;
        let wanted = self.oid(swap.new).await?;
        let mut ender = connect(&self.maintenance).await?;
        let mut last = Error::Ended;
        for _ in 0..ATTEMPTS {
            self.insist_free(&both).await?;
            end_sessions(&mut ender, &both).await?;
            let begun = Instant::now();
            // Sessions that came in between are ended while the renames wait for them.
            let renamed = tokio::select! {
                renamed = in_one_transaction(&mut self.conn, &statements) => renamed,
                failed = keep_ending(&mut ender, &both) => Err(failed),
            };
            let swapped = || Swapped { kept: swap.kept.clone(), gap_ms: millis(begun) };
            match renamed {
                Ok(()) => return Ok(swapped()),
                Err(Error::Database(failed)) if in_use(&failed) => {
                    self.conn.execute("rollback").await?;
                    last = Error::Database(failed);
                }
                // A connection that breaks at COMMIT does not tell whether it was done: the names do.
                Err(failed) => {
                    let mut look = connect(&self.maintenance).await?;
                    let is_live = oid(&mut look, &live).await? == wanted;
                    look.close().await?;
                    return if is_live { Ok(swapped()) } else { Err(failed) };
                }
            }
        }
        Err(last)
    }

    /// The renames, and the comments that tell what each is.
    async fn statements(&mut self, swap: &Swap<'_>) -> Result<Vec<String>, Error> {
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

/// 55006, `object_in_use`: somebody was still there.
fn in_use(failed: &sqlx::Error) -> bool {
    failed.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55006")
}
