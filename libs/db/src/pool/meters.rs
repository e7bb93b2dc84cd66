use std::time::Duration;

use deadpool::Status;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Metrics of a connection pool, named as in OpenTelemetry's conventions.
pub(super) struct Meters {
    idle: Gauge,
    used: Gauge,
    most: Gauge,
    waiting: Gauge,
    waits: Histogram,
    timeouts: Counter,
}

/// Label with the name of the pool.
const POOL: &str = "db_client_connection_pool_name";

impl Meters {
    pub(super) fn new(pool: &'static str) -> Self {
        let count = |state| gauge!("db_client_connections", POOL => pool, "state" => state);
        Self {
            idle: count("idle"),
            used: count("used"),
            most: gauge!("db_client_connection_max", POOL => pool),
            waiting: gauge!("db_client_connection_pending_requests", POOL => pool),
            waits: histogram!("db_client_connection_wait_time_seconds", POOL => pool),
            timeouts: counter!("db_client_connection_timeouts_total", POOL => pool),
        }
    }

    /// Records the time waited for a connection, whether one was acquired or not.
    pub(super) fn waited(&self, time: Duration) {
        self.waits.record(time);
    }

    /// Counts a timeout while waiting for a connection.
    pub(super) fn gave_up(&self) {
        self.timeouts.increment(1);
    }

    #[expect(clippy::cast_precision_loss, reason = "no pool has so many")]
    pub(super) fn show(&self, now: &Status) {
        self.idle.set(now.available as f64);
        self.used.set(now.size.saturating_sub(now.available) as f64);
        self.most.set(now.max_size as f64);
        self.waiting.set(now.waiting as f64);
    }
}
