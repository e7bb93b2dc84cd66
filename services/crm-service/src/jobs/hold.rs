use std::time::{Duration, Instant};

use db::{Db, Reason, Scoped, ScopedWrite, TenantTx};
use identity::Permissions;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    lease::{Job, rights},
    slot::Slot,
};

/// A job is given up when it was taken this often and no part was done.
const ATTEMPTS: i32 = 5;

/// A job in the hands of a worker.
pub(crate) struct Hold {
    db: Db,
    me: Uuid,
    lease: Duration,
    pub(crate) job: Job,
    stop: CancellationToken,
    until: Instant,
    slot: Option<Slot>,
}

/// What the next part begins with.
pub(crate) enum Part {
    /// A transaction for the person of the job, as they are now.
    Begun(TenantTx, Permissions),
    /// Somebody wants it to end here.
    Stopped(TenantTx),
    /// Its person may nothing any more.
    Disowned(TenantTx),
    /// Somebody else has it.
    Lost,
}

// Only looked at: whoever wants to stop the job does not wait for the part. That it is still ours is asked again when the
// part moves it, which is the last thing that the part does.
const SEE: Scoped = Scoped::new(
    "select stop from app.jobs where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const MOVE: ScopedWrite = ScopedWrite::new(
    "update app.jobs set state = $4, done = $5, attempts = case when $7 then 0 else attempts end, claimed_until = now() + $6 * interval '1 second'
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const END: ScopedWrite = ScopedWrite::new(
    "update app.jobs set status = $4, problem = $5, finished_at = now(), claimed_by = null, claimed_until = null
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);
const LET_GO: ScopedWrite = ScopedWrite::new(
    "update app.jobs set claimed_by = null, claimed_until = null, due_at = now() + $4 * interval '1 second'
     where account_id = $1 and id = $2 and claimed_by = $3 and status = 'due'",
);

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is done.
    Kept,
    /// Somebody else has the job, and does it.
    Lost,
}

impl Hold {
    pub(super) fn new(
        db: Db,
        me: Uuid,
        lease: Duration,
        job: Job,
        stop: CancellationToken,
        until: Instant,
    ) -> Self {
        Self { db, me, lease, job, stop, until, slot: None }
    }

    /// The same, at this place.
    pub(super) fn at(self, slot: Option<Slot>) -> Self {
        Self { slot, ..self }
    }

    /// Lets the jobs that wait for a place have theirs.
    pub(crate) async fn give_way(&self) {
        if let Some(slot) = &self.slot {
            slot.give_way().await;
        }
    }

    /// Begins the next part.
    pub(crate) async fn begin(&self) -> db::Result<Part> {
        let mut tx = self.enter().await?;
        match tx.read::<(bool,)>(SEE).bind(self.job.id).bind(self.me).optional().await? {
            None => Ok(Part::Lost),
            Some((true,)) => Ok(Part::Stopped(tx)),
            Some((false,)) => Ok(match rights(&mut tx, &self.job).await? {
                Some(permissions) => Part::Begun(tx.within(permissions.clone()), permissions),
                None => Part::Disowned(tx),
            }),
        }
    }

    /// Keeps a part, with where the job goes on after it; not if somebody else has the job by now. `lasting`: whoever takes
    /// it up does not begin anew, so that the job has got on.
    pub(crate) async fn keep(
        &self,
        mut tx: TenantTx,
        state: &impl Serialize,
        done: i64,
        lasting: bool,
    ) -> db::Result<Kept> {
        let state = serde_json::to_value(state).unwrap_or_default(); // plain numbers and words
        let statement = tx.write_unnoted::<()>(MOVE).bind(self.job.id).bind(self.me).bind(state).bind(done);
        let moved = statement.bind(self.lease.as_secs_f64()).bind(lasting).run().await?;
        Self::commit(tx, moved).await
    }

    /// Keeps the last part.
    pub(crate) async fn end(
        &self,
        mut tx: TenantTx,
        status: &str,
        problem: Option<&str>,
    ) -> db::Result<Kept> {
        let statement = tx.write_unnoted::<()>(END).bind(self.job.id).bind(self.me).bind(status);
        let ended = statement.bind(problem).run().await?;
        Self::commit(tx, ended).await
    }

    async fn commit(tx: TenantTx, ours: u64) -> db::Result<Kept> {
        if ours == 0 {
            return Ok(Kept::Lost);
        }
        tx.commit().await?;
        Ok(Kept::Kept)
    }

    /// Whether it is others' turn: another part would be one too many.
    pub(crate) fn is_over(&self) -> bool {
        self.is_stopping() || Instant::now() >= self.until
    }

    /// Whether the process ends.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Gives the job back, for whoever takes it after `wait`.
    pub(crate) async fn let_go(&self, wait: Duration) -> db::Result<()> {
        let mut tx = self.enter().await?;
        let statement = tx.write_unnoted::<()>(LET_GO).bind(self.job.id).bind(self.me);
        statement.bind(wait.as_secs_f64()).run().await?;
        tx.commit().await
    }

    /// Whether it has been tried often enough.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.job.attempts >= ATTEMPTS
    }

    /// Gives the job back after a part went wrong: a database that restarts is well again in a moment.
    pub(super) async fn failed(&self, error: &db::Error) -> db::Result<()> {
        tracing::warn!(error = error as &dyn std::error::Error, job.id = %self.job.id, account.id = %self.job.account_id, "a part of a job failed");
        let wait = Duration::from_secs(u64::from(self.job.attempts.unsigned_abs()).pow(2));
        self.let_go(wait).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a job names its account and person itself; `begin` bounds it by their rights"
    )]
    async fn enter(&self) -> db::Result<TenantTx> {
        let Job { account_id, created_by, request_id, .. } = self.job;
        self.db.system_inside(Reason::Jobs, account_id, created_by, request_id).await
    }
}
