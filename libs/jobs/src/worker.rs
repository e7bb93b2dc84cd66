//! Polls for due jobs and runs them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use db::Db;
use metrics::{Gauge, gauge};
use telemetry::{Kind, Outage, Span, SpanInit};
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    Job, JobLease, JobSettings,
    job::JobKinds,
    slot::{Slot, Slots},
    store,
};

/// Polling interval of an idle worker.
const LOOK: Duration = Duration::from_millis(500);
/// How long a job is leased before other processes get their turn.
const TURN: Duration = Duration::from_secs(10);
/// Maximum number of leased jobs per slot. A dry run's state exists in this process only, so its lease is kept to its
/// end.
const HELD: usize = 8;

/// Polls for jobs and runs them.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    kinds: JobKinds,
    lease: Duration,
    stop: CancellationToken,
    /// Identifies this worker as the holder of leases.
    name: Uuid,
    running: Gauge,
}

/// All workers of a process.
pub struct Workers {
    all: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// Starts the workers of this process, for these kinds of job.
    #[must_use]
    pub fn start(db: &Db, settings: JobSettings, jobs: Vec<Arc<dyn Job>>) -> Self {
        let (all, stop) = (TaskTracker::new(), CancellationToken::new());
        if settings.workers > 0 {
            let worker = Worker::new(db.clone(), jobs, settings.lease, stop.clone());
            all.spawn(worker.work(settings.workers, all.clone()));
        }
        all.close();
        Self { all, stop }
    }

    /// Waits for running steps to end; other processes resume the jobs.
    pub async fn stop(self) {
        self.stop.cancel();
        self.all.wait().await;
    }
}

impl Worker {
    /// Creates a worker for these kinds of job that stops with `stop`.
    #[must_use]
    pub fn new(db: Db, jobs: Vec<Arc<dyn Job>>, lease: Duration, stop: CancellationToken) -> Self {
        let (kinds, running) = (JobKinds::new(jobs), gauge!("nexo_jobs_running"));
        Self { db, kinds, lease, stop, name: Uuid::now_v7(), running }
    }

    /// Leases due jobs and runs them in `places` slots.
    async fn work(self, places: usize, all: TaskTracker) {
        let (slots, held) = (Slots::new(places), Arc::new(Semaphore::new(HELD * places)));
        while !self.stop.is_cancelled() {
            let Ok(holding) = Arc::clone(&held).acquire_owned().await else { return };
            let slot = slots.enter().await;
            if self.stop.is_cancelled() {
                return;
            }
            match self.draw(Some(slot)).await {
                Ok(Poll::Job(hold)) => {
                    well();
                    let worker = self.clone();
                    all.spawn(async move {
                        if let Err(error) = worker.turn(&hold).await {
                            unwell(&error);
                        }
                        drop(holding);
                    });
                }
                Ok(Poll::Late) => {}
                Ok(Poll::Nothing) => {
                    well();
                    self.rest().await;
                }
                Err(error) => {
                    unwell(&error);
                    self.rest().await;
                }
            }
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Runs a due job for one turn; returns `false` if there is none.
    pub async fn work_once(&self) -> db::Result<bool> {
        match self.draw(None).await? {
            Poll::Job(hold) => self.turn(&hold).await.map(|()| true),
            Poll::Late => Ok(true),
            Poll::Nothing => Ok(false),
        }
    }

    /// Leases a due job, if there is one.
    async fn draw(&self, slot: Option<Slot>) -> db::Result<Poll> {
        let due = match store::due(&self.db, self.kinds.names()).await {
            Err(db::Error::Maintenance { .. }) => None, // jobs wait until it is over
            due => due?,
        };
        let Some(due) = due else { return Ok(Poll::Nothing) };
        let Some(job) = store::take(&self.db, &due, self.name, self.lease).await? else {
            return Ok(Poll::Late);
        };
        let until = Instant::now() + TURN;
        let hold = JobLease::new(self.db.clone(), self.name, self.lease, job, self.stop.clone(), until);
        Ok(Poll::Job(Box::new(hold.with_slot(slot))))
    }

    async fn turn(&self, hold: &JobLease) -> db::Result<()> {
        self.running.increment(1);
        let span = Span::following(None, Kind::Internal, || SpanInit::new("work at a job"));
        let worked = span.within(self.run(hold)).await;
        self.running.decrement(1);
        match worked {
            Ok(()) => Ok(()),
            Err(error) => hold.failed(&error).await,
        }
    }

    async fn run(&self, hold: &JobLease) -> db::Result<()> {
        match self.kinds.find(hold.kind()) {
            Some(job) if hold.exceeded_attempts() => job.give_up(hold).await,
            Some(job) => job.run(hold).await,
            None => hold.release(LOOK).await, // only registered kinds are polled for
        }
    }
}

/// Result of polling for a job.
enum Poll {
    Job(Box<JobLease>),
    /// A job was due, but another worker leased it first.
    Late,
    Nothing,
}

/// State of polling. Each slot polls twice a second, so only the start and end of an outage are logged.
static OUTAGE: Outage = Outage::none();

fn unwell(error: &db::Error) {
    if OUTAGE.begins() {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "polling for jobs failed; it will be retried");
    }
}

fn well() {
    if OUTAGE.ends() {
        tracing::info!("jobs are looked for again");
    }
}
