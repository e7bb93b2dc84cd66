//! Work that goes on after its request was answered: taken by whichever process of the service is free, part by part.
//!
//! A job is held for a while, and each part that is done holds it for longer; what its process does not come back to,
//! another one takes up where the last part ended. A part's transaction moves the job on together with what it writes:
//! whenever a process dies, each part was done or was not. Who was too slow, and has lost the job, keeps nothing.
//!
//! No account waits for another's: of each account one job is worked at, those that have waited longest are drawn first, and
//! between two parts a job gives its place to whichever job waits for one.

mod hold;
mod lease;
mod slot;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use db::{Db, TenantTx};
use kernel::Env;
use metrics::{Gauge, gauge};
use signals::{Kind, Named, Outage, Span};
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub(crate) use hold::{Hold, Kept, Part};
pub(crate) use lease::NewJob;

use crate::imports;
use slot::{Slot, Slots};

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
/// For how long one job is held before other processes have their turn.
const TURN: Duration = Duration::from_secs(10);
/// How many jobs one place has in hand: one that is tried out is remembered by this process alone, and is held to its end.
const HELD: usize = 8;

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

/// Works at jobs.
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
        if settings.workers > 0 {
            let worker = Worker::new(db.clone(), settings.lease, stop.clone());
            all.spawn(worker.work(settings.workers, all.clone()));
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

    /// Draws jobs, and has as many worked at as there are places.
    async fn work(self, places: usize, all: TaskTracker) {
        let (slots, held) = (Slots::new(places), Arc::new(Semaphore::new(HELD * places)));
        while !self.stop.is_cancelled() {
            let Ok(holding) = Arc::clone(&held).acquire_owned().await else { return };
            let slot = slots.enter().await;
            if self.stop.is_cancelled() {
                return;
            }
            match self.draw(Some(slot)).await {
                Ok(Drawn::Job(hold)) => {
                    well();
                    let worker = self.clone();
                    all.spawn(async move {
                        if let Err(error) = worker.turn(&hold).await {
                            unwell(&error);
                        }
                        drop(holding);
                    });
                }
                Ok(Drawn::Late) => {}
                Ok(Drawn::Nothing) => {
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

    /// Works at a job that is due, for a turn; `false`: there is none.
    pub async fn work_once(&self) -> db::Result<bool> {
        match self.draw(None).await? {
            Drawn::Job(hold) => self.turn(&hold).await.map(|()| true),
            Drawn::Late => Ok(true),
            Drawn::Nothing => Ok(false),
        }
    }

    /// Takes a job that is due.
    async fn draw(&self, slot: Option<Slot>) -> db::Result<Drawn> {
        let due = match lease::due(&self.db).await {
            Err(db::Error::Maintenance { .. }) => None, // they wait until it is over
            due => due?,
        };
        let Some(due) = due else { return Ok(Drawn::Nothing) };
        let Some(job) = lease::take(&self.db, &due, self.name, self.lease).await? else {
            return Ok(Drawn::Late);
        };
        let until = Instant::now() + TURN;
        let hold = Hold::new(self.db.clone(), self.name, self.lease, job, self.stop.clone(), until);
        Ok(Drawn::Job(Box::new(hold.at(slot))))
    }

    async fn turn(&self, hold: &Hold) -> db::Result<()> {
        self.running.increment(1);
        let span = Span::following(None, Kind::Internal, || Named::new("work at a job"));
        let worked = span.within(imports::work(hold)).await;
        self.running.decrement(1);
        match worked {
            Ok(()) => Ok(()),
            Err(error) => hold.failed(&error).await,
        }
    }
}

/// What was found to do.
enum Drawn {
    Job(Box<Hold>),
    /// Something, and somebody else was faster.
    Late,
    Nothing,
}

/// Whether the database lets jobs be looked for. Places look twice a second each: it is told once.
static OUTAGE: Outage = Outage::none();

fn unwell(error: &db::Error) {
    if OUTAGE.begins() {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "jobs cannot be looked for; it is tried again until they can");
    }
}

fn well() {
    if OUTAGE.ends() {
        tracing::info!("jobs are looked for again");
    }
}

/// Adds a job to what the transaction does.
pub(crate) async fn add(tx: &mut TenantTx, new: NewJob<'_>) -> db::Result<Uuid> {
    lease::add(tx, new).await
}
