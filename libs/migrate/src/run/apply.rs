//! Execution of one script, from its first statement to its row in the history.

use std::time::Instant;

use tokio::time::sleep;

use super::{
    event::Event,
    guard::{self, SessionState},
    index,
    lock::pause,
    planned::PlannedScript,
    runner::Runner,
    statement::ask,
};
use crate::{AppliedPart, Error, FailedStatement, Script, file::ExecutionMode, session::send};

impl Runner<'_> {
    pub(crate) async fn apply(&mut self, job: PlannedScript<'_>) -> Result<(), Error> {
        self.start = Instant::now();
        let file = job.script.file.clone();
        self.settings.listener.tell(&Event::File { file, statements: job.script.statements.len() });
        self.wait_for_locks(job).await?;
        if job.script.directives.no_transaction {
            self.alone(job).await?;
        } else {
            self.together(job).await?;
        }
        let version = job.migration.version.clone();
        self.settings.listener.tell(&Event::Applied { version, took_ms: self.start.elapsed().as_millis() });
        Ok(())
    }

    /// Runs the script in one transaction. Retries after a lock timeout, so that readers never queue behind it for
    /// long.
    async fn together(&mut self, job: PlannedScript<'_>) -> Result<(), Error> {
        for attempt in 1.. {
            let Err(failed) = self.whole(job).await else { break };
            if failed.is_cut() {
                return Err(failed);
            }
            send(&mut self.conn, "rollback").await?;
            if !self.gives_way(&failed, attempt).await {
                let statement = match &failed {
                    Error::Statement(failed) => failed.statement,
                    Error::Breaks(_) => job.script.statements.len(),
                    _ => 0,
                };
                if job.done == "applied" {
                    self.note(job, "failed", statement, Some(&failed)).await?;
                }
                return Err(failed);
            }
        }
        Ok(())
    }

    async fn whole(&mut self, job: PlannedScript<'_>) -> Result<(), Error> {
        send(&mut self.conn, "begin").await?;
        let own = guard::look(&mut self.conn).await?;
        for at in 0..job.script.statements.len() {
            self.step(job.script, at, &own).await?;
        }
        self.hand_over().await?;
        self.inspector.look(&mut self.conn, job.script, None, AppliedPart::Nothing).await?;
        self.note_inside(job, job.done, job.script.statements.len(), None).await?;
        Ok(send(&mut self.conn, "commit").await?)
    }

    /// Runs the script statement by statement; the history records progress for the case of a crash.
    async fn alone(&mut self, job: PlannedScript<'_>) -> Result<(), Error> {
        let own = guard::look(&mut self.conn).await?;
        self.note(job, "running", job.from + 1, None).await?;
        for at in job.from..job.script.statements.len() {
            let was_cut = job.was_cut && at == job.from;
            if let Err(failed) = self.one(job, at, was_cut, &own).await {
                if failed.is_cut() {
                    return Err(failed);
                }
                send(&mut self.conn, "reset role").await?; // whatever the role is now, the row must be written
                self.note(job, "failed", at + 1, Some(&failed)).await?;
                return Err(failed);
            }
        }
        self.hand_over().await?;
        Ok(self.note(job, job.done, job.script.statements.len(), None).await?)
    }

    async fn one(
        &mut self,
        job: PlannedScript<'_>,
        at: usize,
        was_cut: bool,
        own: &SessionState,
    ) -> Result<(), Error> {
        for attempt in 1.. {
            let Err(failed) = self.one_attempt(job, at, was_cut, own).await else { break };
            if failed.is_cut() || !self.gives_way(&failed, attempt).await {
                return Err(failed);
            }
        }
        Ok(())
    }

    async fn one_attempt(
        &mut self,
        job: PlannedScript<'_>,
        at: usize,
        was_cut: bool,
        own: &SessionState,
    ) -> Result<(), Error> {
        let Some(statement) = job.script.statements.get(at) else { return Ok(()) };
        match ExecutionMode::from_statement(statement).unwrap_or(ExecutionMode::Unknown) {
            ExecutionMode::Transaction => {
                send(&mut self.conn, "begin").await?;
                let inside = guard::look(&mut self.conn).await?;
                let done = self.step_inspected(job.script, at, &inside).await;
                if done.as_ref().is_err_and(|failed| !failed.is_cut()) {
                    send(&mut self.conn, "rollback").await?;
                }
                done?;
                self.note_inside(job, "running", at + 2, None).await?;
                send(&mut self.conn, "commit").await?;
                return Ok(());
            }
            ExecutionMode::BuildsIndex(wanted) => {
                self.note(job, "running", at + 1, None).await?;
                index::build(self, job, at, &wanted, was_cut).await?;
                self.wait_for_locks(job).await?;
                if let Err(broken) = self.inspect(job.script, at, AppliedPart::Before(at)).await {
                    index::take_back(self, &wanted).await?;
                    return Err(broken);
                }
            }
            ExecutionMode::Repeatable | ExecutionMode::Unknown => {
                self.note(job, "running", at + 1, None).await?;
                self.send_watched(job.script, at).await?;
                self.inspect(job.script, at, AppliedPart::PerhapsMore(at)).await?;
            }
        }
        self.still_own(job.script, at, own, false).await
    }

    /// Waits before a retry; false if the failure is not about locks, or no attempts are left.
    async fn gives_way(&self, failed: &Error, attempt: u32) -> bool {
        let Error::Statement(FailedStatement { refusal, blocker, .. }) = failed else { return false };
        let code = refusal.as_database_error().and_then(sqlx::error::DatabaseError::code);
        // 55P03 lock_not_available, 40P01 deadlock_detected
        if !code.is_some_and(|code| matches!(&*code, "55P03" | "40P01")) || attempt >= self.settings.attempts
        {
            return false;
        }
        self.settings
            .listener
            .tell(&Event::Again { attempt, blocker: blocker.clone().map(|blocker| *blocker) });
        sleep(pause() * attempt.min(20)).await;
        true
    }

    async fn step(&mut self, script: &Script, at: usize, own: &SessionState) -> Result<(), Error> {
        if script.is_backfill(at) {
            return Ok(()); // run by `nexo db backfill`
        }
        if script.is_question(at) {
            ask(&mut self.conn, script, at).await?;
        } else {
            self.send_watched(script, at).await?;
        }
        self.still_own(script, at, own, true).await
    }

    /// Runs and checks a statement of a file without transaction: it commits alone, so it must be sound alone.
    async fn step_inspected(&mut self, script: &Script, at: usize, own: &SessionState) -> Result<(), Error> {
        self.step(script, at, own).await?;
        self.inspect(script, at, AppliedPart::Before(at)).await
    }

    async fn inspect(&mut self, script: &Script, at: usize, stays: AppliedPart) -> Result<(), Error> {
        self.hand_over().await?; // one of the rules concerns owners
        self.inspector.look(&mut self.conn, script, Some(at), stays).await
    }

    async fn still_own(
        &mut self,
        script: &Script,
        at: usize,
        own: &SessionState,
        inside: bool,
    ) -> Result<(), Error> {
        let now = guard::look(&mut self.conn).await?;
        let line = script.statements.get(at).map_or(0, |statement| statement.line);
        match own.changed(&now, inside) {
            Some(what) => Err(Error::Changed { file: script.file.clone(), line, what }),
            None => Ok(()),
        }
    }
}
