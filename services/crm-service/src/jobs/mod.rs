//! Work that goes on after its request was answered: taken by whichever process of the service is free, part by part.
//!
//! A job is held for a while, and each part that is done holds it for longer; what its process does not come back to,
//! another one takes up where the last part ended. A part's transaction moves the job on together with what it writes:
//! whenever a process dies, each part was done or was not. Who was too slow, and has lost the job, keeps nothing.

mod hold;
mod lease;

use std::time::{Duration, Instant};

use db::{Db, TenantTx};
use kernel::Env;
use metrics::{Gauge, gauge};
use signals::{Kind, Named, Span};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub(crate) use hold::{Hold, Kept, Part};
pub(crate) use lease::NewJob;

use crate::imports;

/// How jobs are worked at.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many are worked at in this process at a time.
    pub workers: usize,
    /// For how long a job is kept for a process that does not come back to it.
    pub lease: Duration,
}

/// How often a worker without work looks for some.
const LOOK: Duration = Duration::from_millis(500);
/// For how long one job is worked at before others have their turn.
const TURN: Duration = Duration::from_secs(10);

impl Settings {
    /// Reads `NEXO_JOB_WORKERS` and `NEXO_JOB_LEASE_SECONDS`.
    pub fn read(env: &mut Env) -> Self {
        let lease = Duration::from_secs(env.parsed("NEXO_JOB_LEASE_SECONDS", 30));
        if lease.is_zero() {
            env.mistake("NEXO_JOB_LEASE_SECONDS", "must be at least 1");
        }
        Self { workers: env.parsed("NEXO_JOB_WORKERS", 2), lease }
    }
}

/// Works at jobs, one after another.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    lease: Duration,
    stop: CancellationToken,
    /// Tells those who hold jobs apart.
    name: Uuid,
    running: Gauge,
}

/// The workers of a process.
pub struct Workers {
    all: TaskTracker,
    stop: CancellationToken,
}

impl Workers {
    /// Starts them.
    #[must_use]
    pub fn start(db: &Db, settings: Settings) -> Self {
        let (all, stop) = (TaskTracker::new(), CancellationToken::new());
        for _ in 0..settings.workers {
            all.spawn(Worker::new(db.clone(), settings.lease, stop.clone()).work());
        }
        all.close();
        Self { all, stop }
    }

    /// Waits for the parts that are being done; what is left of their jobs is for others.
    pub async fn stop(self) {
        self.stop.cancel();
        self.all.wait().await;
    }
}

impl Worker {
    /// One that ends with `stop`.
    #[must_use]
    pub fn new(db: Db, lease: Duration, stop: CancellationToken) -> Self {
        Self { db, lease, stop, name: Uuid::now_v7(), running: gauge!("nexo_jobs_running") }
    }

    async fn work(self) {
        while !self.stop.is_cancelled() {
            match self.work_once().await {
                Ok(true) => {}
                Ok(false) => self.rest().await,
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

    /// Works at a job that is due, for a turn; `false`: there is none.
    pub async fn work_once(&self) -> db::Result<bool> {
        let Some(due) = lease::due(&self.db).await? else { return Ok(false) };
        let Some(job) = lease::take(&self.db, &due, self.name, self.lease).await? else { return Ok(true) };
        let hold =
            Hold::new(self.db.clone(), self.name, self.lease, job, self.stop.clone(), Instant::now() + TURN);
        self.running.increment(1);
        let span = Span::following(None, Kind::Internal, || Named::new("work at a job"));
        let worked = span.within(imports::work(&hold)).await;
        self.running.decrement(1);
        if let Err(error) = worked {
            hold.failed(&error).await?;
        }
        Ok(true)
    }
}

fn unwell(error: &db::Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "jobs cannot be looked for");
}

/// Adds a job to what the transaction does.
pub(crate) async fn add(tx: &mut TenantTx, new: NewJob<'_>) -> db::Result<Uuid> {
    lease::add(tx, new).await
}
