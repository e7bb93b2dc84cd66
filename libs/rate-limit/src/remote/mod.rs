//! Buckets in Redis: one script over one multiplexed connection, and a task that reconnects.

mod watch;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use metrics::{Counter, Gauge, counter, gauge};
use redis::{Client, RedisError, Script, aio::MultiplexedConnection};
use tokio::time::timeout;

use crate::Rate;

/// Timeout of a call: longer than a call normally takes, and too short to be noticed.
const REPLY_TIMEOUT: Duration = Duration::from_millis(100);
/// Circuit breaker: number of consecutive timeouts that count as an outage. A single one only decides its own
/// request locally.
const MAX_LATE_REPLIES: u32 = 3;
/// Prefix of all keys in Redis.
const PREFIX: &str = "nexo:limit:";

/// A request to lease permits of a bucket.
#[derive(Debug)]
pub(crate) struct LeaseRequest {
    pub(crate) name: String,
    pub(crate) rate: Rate,
    pub(crate) permits: u32,
    /// Debt from local decisions since the last call.
    pub(crate) owed: Duration,
}

/// Response of Redis.
#[derive(Debug)]
pub(crate) struct LeaseGrant {
    pub(crate) permits: u32,
    /// Time until the bucket is full.
    pub(crate) owed: Duration,
}

/// Reason for a failed call to Redis.
#[derive(Debug, thiserror::Error)]
enum StoreFailure {
    #[error("Redis did not answer in {} ms", REPLY_TIMEOUT.as_millis())]
    Late,
    #[error("Redis refused, or was not there")]
    Failed(#[from] RedisError),
}

/// Connection to Redis, with its state.
pub(crate) struct Remote {
    client: Client,
    /// `None` during an outage.
    connection: ArcSwapOption<MultiplexedConnection>,
    script: Script,
    troubles: Arc<AtomicUsize>,
    /// Consecutive timeouts since the last timely response.
    late: AtomicU32,
    degraded: Gauge,
    leases: Counter,
}

/// Omits the address, which holds a password.
impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}

impl Remote {
    /// Starts in the outage state, until the first connection succeeds.
    pub(crate) fn start(client: Client) -> Arc<Self> {
        // Crypto provider for the TLS of the Redis client; one that is already installed is just as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let remote = Arc::new(Self {
            client,
            connection: ArcSwapOption::empty(),
            script: Script::new(include_str!("lease.lua")),
            troubles: Arc::new(AtomicUsize::new(1)),
            late: AtomicU32::new(0),
            degraded: gauge!("nexo_limiter_degraded"),
            leases: counter!("nexo_limiter_leases_total"),
        });
        remote.degraded.set(1);
        tokio::spawn(watch::watch(Arc::downgrade(&remote)));
        remote
    }

    pub(crate) fn troubles(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.troubles)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.troubles.load(Relaxed) == 0
    }

    /// Sends a request; `None` on failure. After an outage is detected, no request is sent until the connection is
    /// restored.
    pub(crate) async fn ask(&self, wanted: &LeaseRequest) -> Option<LeaseGrant> {
        let connection = self.connection.load_full()?;
        match self.call(&connection, wanted).await {
            Ok(granted) => {
                self.leases.increment(1);
                self.late.store(0, Relaxed);
                Some(granted)
            }
            Err(StoreFailure::Late) if self.late.fetch_add(1, Relaxed) + 1 < MAX_LATE_REPLIES => None,
            Err(trouble) => {
                self.lost(&connection, &trouble);
                None
            }
        }
    }

    async fn call(
        &self,
        connection: &MultiplexedConnection,
        wanted: &LeaseRequest,
    ) -> Result<LeaseGrant, StoreFailure> {
        let LeaseRequest { name, rate, permits, owed } = wanted;
        let mut invocation = self.script.key(format!("{PREFIX}{name}"));
        let interval = 60_000_000.0 / f64::from(rate.per_minute()); // in microseconds
        invocation.arg(interval).arg(permits).arg(rate.burst()).arg(microseconds(*owed));
        let mut connection = connection.clone();
        let answered = timeout(REPLY_TIMEOUT, invocation.invoke_async::<(u32, u64)>(&mut connection)).await;
        let (permits, owed) = answered.map_err(|_| StoreFailure::Late)??;
        Ok(LeaseGrant { permits, owed: Duration::from_micros(owed) })
    }

    /// Records an outage once: later callers find no connection.
    fn lost(&self, connection: &Arc<MultiplexedConnection>, trouble: &StoreFailure) {
        let was = self.connection.compare_and_swap(connection, None);
        if was.as_ref().is_some_and(|was| Arc::ptr_eq(was, connection)) {
            self.troubles.store(1, Relaxed);
            self.degraded.set(1);
            tracing::warn!(
                error = trouble as &dyn std::error::Error,
                "Redis is gone: this gateway holds limits by itself"
            );
        }
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
