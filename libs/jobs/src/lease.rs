//! A job that is being run, step by step.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use db::{Db, Reason, TenantCommand, TenantQuery, TenantTx};
use identity::Permissions;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    JobOutcome,
    slot::Slot,
    store::{LeasedJob, rights},
};

/// Maximum number of attempts without progress before a job is given up.
const ATTEMPTS: i32 = 5;
/// Part of a lease that a step may wait for its time.
const PART_TO_WAIT: u32 = 3;

/// A job leased by a worker.
pub struct JobLease {
    db: Db,
    me: Uuid,
    lease: Duration,
    job: LeasedJob,
    stop: CancellationToken,
    until: Instant,
    slot: Option<Slot>,
    /// Whether the step has waited for its time: a step may begin several transactions, and its lease ends.
    has_paced: AtomicBool,
}

/// State of the job at the start of a step.
pub enum JobStep {
    /// A transaction of the job's user, with their present permissions.
    Run(TenantTx, Permissions),
    /// A user requested cancellation.
    Cancelled(TenantTx),
    /// The user of the job no longer has any permission.
    Unauthorized(TenantTx),
    /// The lease was lost to another worker.
    Lost,
}

// Reads without a row lock, so that cancelling a job does not wait for the step. `MOVE`, the last statement of the
// step, checks the lease again.
const SEE: TenantQuery = TenantQuery::new(
    "select stop from app.jobs where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const MOVE: TenantCommand = TenantCommand::new(
    "update app.jobs set state = $4, done = $5, attempts = case when $7 then 0 else attempts end, claimed_until = now() + $6 * interval '1 second'
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const END_JOB: TenantCommand = TenantCommand::new(
    "update app.jobs set status = $4, problem = $5, finished_at = now(), claimed_by = null, claimed_until = null
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const LET_GO: TenantCommand = TenantCommand::new(
    "update app.jobs set claimed_by = null, claimed_until = null, due_at = now() + $4 * interval '1 second'
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);

/// Outcome of committing a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The step and the new state were committed.
    Kept,
    /// The lease was lost; the new holder repeats the step.
    Lost,
}

impl JobLease {
    pub(crate) fn new(
        db: Db,
        me: Uuid,
        lease: Duration,
        job: LeasedJob,
        stop: CancellationToken,
        until: Instant,
    ) -> Self {
        Self { db, me, lease, job, stop, until, slot: None, has_paced: AtomicBool::new(false) }
    }

    /// Attaches the slot that the job runs in.
    pub(crate) fn with_slot(self, slot: Option<Slot>) -> Self {
        Self { slot, ..self }
    }

    /// Kind of the job, by which its implementation is found.
    pub(crate) fn kind(&self) -> &str {
        &self.job.kind
    }

    /// Id of the record that the job works on.
    pub fn subject(&self) -> Uuid {
        self.job.subject_id
    }

    /// State of the last committed step; the default if another version of the service stored one that this version
    /// cannot read.
    pub fn state<S: DeserializeOwned + Default>(&self) -> S {
        S::deserialize(&self.job.state).unwrap_or_default()
    }

    /// Yields the slot to waiting jobs.
    pub async fn give_way(&self) {
        if let Some(slot) = &self.slot {
            slot.give_way().await;
        }
    }

    /// Begins the next step of the job, as soon as the other accounts leave time for it. Begun again before
    /// [`keep`](Self::keep), it does not wait a second time.
    pub async fn begin(&self) -> db::Result<JobStep> {
        if !self.has_paced.swap(true, Ordering::Relaxed) {
            self.pace().await;
        }
        let mut tx = self.enter().await?;
        match tx.read::<(bool,)>(SEE).bind(self.job.id).bind(self.me).optional().await? {
            None => Ok(JobStep::Lost),
            Some((true,)) => Ok(JobStep::Cancelled(tx)),
            Some((false,)) => Ok(match rights(&mut tx, &self.job).await? {
                Some(permissions) => JobStep::Run(tx.within(permissions.clone()), permissions),
                None => JobStep::Unauthorized(tx),
            }),
        }
    }

    /// Waits while the account's jobs have used up their time, without a slot; not so long that the lease would end.
    async fn pace(&self) {
        let wait = self.db.background_wait(self.job.account_id).min(self.lease / PART_TO_WAIT);
        if wait.is_zero() {
            return;
        }
        let rest = async {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
        };
        match &self.slot {
            Some(slot) => slot.rest(rest).await,
            None => rest.await,
        }
    }

    /// Commits this step and the job's new state, unless the lease was lost. `lasting`: the state is a checkpoint to
    /// resume from, so the attempt counter is reset.
    pub async fn keep(
        &self,
        mut tx: TenantTx,
        state: &impl Serialize,
        done: i64,
        lasting: bool,
    ) -> db::Result<CommitOutcome> {
        let state = serde_json::to_value(state).unwrap_or_default(); // plain numbers and words
        let statement =
            tx.execute_untracked::<()>(MOVE).bind(self.job.id).bind(self.me).bind(state).bind(done);
        let moved = statement.bind(self.lease.as_secs_f64()).bind(lasting).run().await?;
        let outcome = Self::commit(tx, moved).await?;
        self.has_paced.store(false, Ordering::Relaxed);
        Ok(outcome)
    }

    /// Commits the last step and ends the job.
    pub async fn end(&self, mut tx: TenantTx, outcome: JobOutcome) -> db::Result<CommitOutcome> {
        let statement = tx.execute_untracked::<()>(END_JOB).bind(self.job.id).bind(self.me);
        let statement = statement.bind(outcome.status().as_str()).bind(outcome.problem());
        let ended = statement.run().await?;
        Self::commit(tx, ended).await
    }

    async fn commit(tx: TenantTx, ours: u64) -> db::Result<CommitOutcome> {
        if ours == 0 {
            return Ok(CommitOutcome::Lost);
        }
        tx.commit().await?;
        Ok(CommitOutcome::Kept)
    }

    /// True if the job has to yield to other jobs or to a shutdown.
    pub fn is_over(&self) -> bool {
        self.is_stopping() || Instant::now() >= self.until
    }

    /// True if the process is shutting down.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Releases the lease; the job is due again after `wait`.
    pub async fn release(&self, wait: Duration) -> db::Result<()> {
        let mut tx = self.enter().await?;
        let statement = tx.execute_untracked::<()>(LET_GO).bind(self.job.id).bind(self.me);
        statement.bind(wait.as_secs_f64()).run().await?;
        tx.commit().await
    }

    /// True if the job has used up its attempts.
    pub(crate) fn exceeded_attempts(&self) -> bool {
        self.job.attempts >= ATTEMPTS
    }

    /// Releases the lease after a failed step, with a back-off: a restarting database recovers soon.
    pub(crate) async fn failed(&self, error: &db::Error) -> db::Result<()> {
        tracing::warn!(error = error as &dyn std::error::Error, job.id = %self.job.id, account.id = %self.job.account_id, "a part of a job failed");
        let wait = Duration::from_secs(u64::from(self.job.attempts.unsigned_abs()).pow(2));
        self.release(wait).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a job names its account and person itself; `begin` bounds it by their rights"
    )]
    async fn enter(&self) -> db::Result<TenantTx> {
        let LeasedJob { account_id, created_by, request_id, .. } = self.job;
        self.db.begin_as(Reason::Jobs, account_id, created_by, request_id).await
    }
}
