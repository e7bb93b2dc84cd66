//! The connections of a run, and what every script does on them: watched statements, owners, history.

use std::time::Instant;

use sqlx::{Connection as _, PgConnection};

use super::{RunOptions, blocker::watched, inspect::Inspector, planned::PlannedScript, statement::failed};
use crate::{
    Error, Script,
    history::{HistoryEntry, write},
    session::send,
};

/// Connection that executes, and a second one that observes it.
pub(crate) struct Runner<'s> {
    pub(crate) conn: PgConnection,
    pub(crate) observer: PgConnection,
    pub(crate) pid: i32,
    pub(crate) inspector: Inspector,
    pub(crate) settings: &'s RunOptions,
    pub(crate) start: Instant,
}

impl<'s> Runner<'s> {
    pub(crate) async fn new(
        mut conn: PgConnection,
        observer: PgConnection,
        inspector: Inspector,
        settings: &'s RunOptions,
    ) -> Result<Self, Error> {
        let (pid,) = sqlx::query_as("select pg_backend_pid()").fetch_one(&mut conn).await?;
        Ok(Self { conn, observer, pid, inspector, settings, start: Instant::now() })
    }

    /// Returns the executing connection, which still holds the lock.
    pub(crate) async fn leave(self) -> PgConnection {
        let _ = self.observer.close().await; // it has nothing to lose
        self.conn
    }

    pub(super) async fn wait_for_locks(&mut self, job: PlannedScript<'_>) -> Result<(), sqlx::Error> {
        let wait = job.script.directives.lock_timeout.unwrap_or(self.settings.lock_timeout);
        send(&mut self.conn, &format!("set lock_timeout = {}", wait.as_millis())).await
    }

    pub(super) async fn send_watched(&mut self, script: &Script, at: usize) -> Result<(), Error> {
        let Some(statement) = script.statements.get(at) else { return Ok(()) };
        let work = send(&mut self.conn, &statement.text);
        let (done, blocker) =
            watched(work, &mut self.observer, self.pid, at + 1, &self.settings.listener).await;
        done.map_err(|refusal| failed(script, at, refusal, blocker))
    }

    /// Transfers new objects to the owner role, which cannot log in.
    pub(super) async fn hand_over(&mut self) -> Result<(), sqlx::Error> {
        let owner = &self.settings.owner;
        let (needed,): (bool,) = sqlx::query_as(
            "select not rolsuper and rolname <> $1 and to_regrole($1) is not null from pg_roles where rolname = current_user",
        )
        .bind(owner)
        .fetch_one(&mut self.conn)
        .await?;
        if needed {
            send(&mut self.conn, &format!("reassign owned by current_user to {owner}")).await?;
        }
        Ok(())
    }

    /// Writes the row and its chain link in a transaction of their own.
    pub(super) async fn note(
        &mut self,
        job: PlannedScript<'_>,
        state: &'static str,
        statement: usize,
        error: Option<&Error>,
    ) -> Result<(), sqlx::Error> {
        send(&mut self.conn, "begin").await?;
        self.note_inside(job, state, statement, error).await?;
        send(&mut self.conn, "commit").await
    }

    pub(super) async fn note_inside(
        &mut self,
        job: PlannedScript<'_>,
        state: &'static str,
        statement: usize,
        error: Option<&Error>,
    ) -> Result<(), sqlx::Error> {
        let error = error.map(Error::for_history);
        let PlannedScript { backup, actor, reason, .. } = job;
        let (execution_ms, error) = (self.start.elapsed().as_millis(), error.as_deref());
        let note = HistoryEntry::new(job.migration, state, &self.settings.app_version);
        write(&mut self.conn, HistoryEntry { statement, execution_ms, error, backup, actor, reason, ..note })
            .await
    }
}
