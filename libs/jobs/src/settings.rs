//! Settings of the job workers.

use std::time::Duration;

use kernel::Env;

/// Configuration of the job workers.
#[derive(Debug, Clone, Copy)]
pub struct JobSettings {
    /// Number of slots: jobs that run at the same time in this process.
    pub workers: usize,
    /// Duration of a lease; an unresponsive process loses its job after it.
    pub lease: Duration,
}

impl JobSettings {
    /// Reads `NEXO_JOB_WORKERS` and `NEXO_JOB_LEASE_SECONDS`.
    pub fn read(env: &mut Env) -> Self {
        let lease = Duration::from_secs(env.parsed("NEXO_JOB_LEASE_SECONDS", 30));
        if lease.is_zero() {
            env.report("NEXO_JOB_LEASE_SECONDS", "must be at least 1");
        }
        Self { workers: env.parsed("NEXO_JOB_WORKERS", 2), lease }
    }
}
