//! Buckets in Redis: one script on one multiplexed connection, and a task that brings it back.

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

/// Longer than a call takes when all is well, and shorter than anybody would notice.
const PATIENCE: Duration = Duration::from_millis(100);
/// One late answer is a busy moment, of Redis or of ours: its request is decided alone. So many in a row are an outage.
const LATE: u32 = 3;
/// What every key begins with.
const PREFIX: &str = "nexo:limit:";

/// What is asked of a bucket.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) rate: Rate,
    pub(crate) permits: u32,
    /// What this gateway has let through by itself.
    pub(crate) owed: Duration,
}

/// What Redis says.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) permits: u32,
    /// The time until the bucket is full.
    pub(crate) owed: Duration,
}

/// Why Redis was of no help.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Redis did not answer in {} ms", PATIENCE.as_millis())]
    Late,
    #[error("Redis refused, or was not there")]
    Failed(#[from] RedisError),
}

/// The way to Redis.
pub(crate) struct Remote {
    client: Client,
    /// None while it is down.
    connection: ArcSwapOption<MultiplexedConnection>,
    script: Script,
    troubles: Arc<AtomicUsize>,
    /// Late answers since the last one in time.
    late: AtomicU32,
    degraded: Gauge,
    leases: Counter,
}

/// Without its address: that holds a password.
impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("is_up", &self.is_up()).finish_non_exhaustive()
    }
}

impl Remote {
    /// Is down until the first connection stands.
    pub(crate) fn start(client: Client) -> Arc<Self> {
        // What redis's TLS asks for; somebody else's choice of the same is as good.
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

    /// Asks; `None`: it does not help. Once it is down, nobody asks again before it is back.
    pub(crate) async fn ask(&self, wanted: &Wanted) -> Option<Granted> {
        let connection = self.connection.load_full()?;
        match self.call(&connection, wanted).await {
            Ok(granted) => {
                self.leases.increment(1);
                self.late.store(0, Relaxed);
                Some(granted)
            }
            Err(Trouble::Late) if self.late.fetch_add(1, Relaxed) + 1 < LATE => None,
            Err(trouble) => {
                self.lost(&connection, &trouble);
                None
            }
        }
    }

    async fn call(&self, connection: &MultiplexedConnection, wanted: &Wanted) -> Result<Granted, Trouble> {
        let Wanted { name, rate, permits, owed } = wanted;
        let mut invocation = self.script.key(format!("{PREFIX}{name}"));
        let interval = 60_000_000.0 / f64::from(rate.per_minute()); // in microseconds
        invocation.arg(interval).arg(permits).arg(rate.burst()).arg(microseconds(*owed));
        let mut connection = connection.clone();
        let answered = timeout(PATIENCE, invocation.invoke_async::<(u32, u64)>(&mut connection)).await;
        let (permits, owed) = answered.map_err(|_| Trouble::Late)??;
        Ok(Granted { permits, owed: Duration::from_micros(owed) })
    }

    /// Told once: whoever finds it lost after that finds no connection.
    fn lost(&self, connection: &Arc<MultiplexedConnection>, trouble: &Trouble) {
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
