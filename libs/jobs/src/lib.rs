//! Background jobs: work that continues after the response, step by step, in any process of the service.
//!
//! A worker leases a job, and each step extends the lease. If its process dies, another one resumes the job after the
//! last committed step. A step's writes and the job's new state are committed in one transaction, so no step is half
//! done. A worker that lost its lease cannot commit.
//!
//! Scheduling is fair between accounts. At most one job of each account runs, and the longest waiting one is leased
//! first. Between two steps a job yields its slot to waiting jobs.
//!
//! * [`Job`] is a kind of job. The service passes its kinds to the workers; jobs of other kinds stay due, for a process
//!   that knows them.
//! * [`JobLease`] is a job that is being run: its state, and the transaction of each step.
//! * [`Workers`] polls for due jobs and runs them. A test calls [`Worker::work_once`] instead.
//!
//! ```
//! use jobs::{CommitOutcome, Job, JobLease, JobOutcome, JobStep};
//!
//! /// Counts to a hundred, one by one.
//! struct Count;
//!
//! #[async_trait::async_trait]
//! impl Job for Count {
//!     fn kind(&self) -> &'static str {
//!         "count"
//!     }
//!
//!     async fn run(&self, lease: &JobLease) -> db::Result<()> {
//!         let mut count: i64 = lease.state();
//!         while !lease.is_over() {
//!             let outcome = match lease.begin().await? {
//!                 JobStep::Run(tx, _) if count < 100 => {
//!                     count += 1;
//!                     if lease.keep(tx, &count, count, true).await? == CommitOutcome::Lost {
//!                         return Ok(());
//!                     }
//!                     lease.give_way().await;
//!                     continue;
//!                 }
//!                 JobStep::Run(tx, _) => lease.end(tx, JobOutcome::Done).await,
//!                 JobStep::Cancelled(tx) => lease.end(tx, JobOutcome::Cancelled).await,
//!                 JobStep::Unauthorized(tx) => lease.end(tx, JobOutcome::Failed("forbidden")).await,
//!                 JobStep::Lost => Ok(CommitOutcome::Lost),
//!             };
//!             return outcome.map(drop);
//!         }
//!         lease.release(std::time::Duration::ZERO).await
//!     }
//!
//!     async fn give_up(&self, lease: &JobLease) -> db::Result<()> {
//!         match lease.begin().await? {
//!             JobStep::Run(tx, _) | JobStep::Cancelled(tx) | JobStep::Unauthorized(tx) => {
//!                 lease.end(tx, JobOutcome::Failed("internal")).await.map(drop)
//!             }
//!             JobStep::Lost => Ok(()),
//!         }
//!     }
//! }
//! ```

mod job;
mod lease;
mod settings;
mod slot;
mod status;
mod store;
mod worker;

pub use job::Job;
pub use lease::{CommitOutcome, JobLease, JobStep};
pub use settings::JobSettings;
pub use status::{JobOutcome, JobStatus};
pub use store::{NewJob, add};
pub use worker::{Worker, Workers};
