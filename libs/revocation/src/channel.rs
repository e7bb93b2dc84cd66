//! Connection to the other processes, and the time of its last proof of life.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use metrics::{Gauge, gauge};
use tokio::sync::Notify;

use crate::RevokedTokens;

/// Maximum number of revocations queued during an outage; by then no process is in sync anyway.
const MAX_QUEUED: usize = 500_000;

/// State shared by publisher, listener and health checks.
#[derive(Debug)]
pub(crate) struct Channel {
    grace: Duration,
    start: Instant,
    /// Time of the last proof of life, in milliseconds since the start; 0 means never.
    heard: AtomicU64,
    waiting: Mutex<Vec<RevokedTokens>>,
    put: Notify,
    /// Number of failing directions, of listening and publishing.
    troubles: Arc<AtomicUsize>,
}

impl Channel {
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            start: Instant::now(),
            heard: AtomicU64::new(0),
            waiting: Mutex::default(),
            put: Notify::new(),
            troubles: Arc::default(),
        }
    }

    /// Records that the channel works, and that everything published before was received.
    pub(crate) fn hear(&self) {
        self.heard.store(self.now().max(1), Relaxed);
    }

    pub(crate) fn is_fresh(&self) -> bool {
        let heard = self.heard.load(Relaxed);
        heard > 0 && u128::from(self.now().saturating_sub(heard)) <= self.grace.as_millis()
    }

    pub(crate) fn put(&self, ended: &[RevokedTokens]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_QUEUED.saturating_sub(waiting.len());
        waiting.extend(ended.iter().take(room));
        drop(waiting);
        self.put.notify_one();
    }

    /// Takes the queued revocations, as soon as there are any.
    pub(crate) async fn take(&self) -> Vec<RevokedTokens> {
        loop {
            let waiting = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                return waiting;
            }
            self.put.notified().await;
        }
    }

    pub(crate) fn troubles(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.troubles)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// One direction of the channel, listening or publishing; logs the start and the end of an outage once.
pub(crate) struct Direction {
    name: &'static str,
    fails: AtomicBool,
    troubles: Arc<AtomicUsize>,
    shown: Gauge,
}

impl Direction {
    pub(crate) fn new(line: &Channel, name: &'static str) -> Self {
        Self {
            name,
            fails: AtomicBool::new(false),
            troubles: line.troubles(),
            shown: gauge!("nexo_revocation_failing_components"),
        }
    }

    pub(crate) fn fails(&self, error: &redis::RedisError) {
        if !self.fails.swap(true, Relaxed) {
            self.troubles.fetch_add(1, Relaxed);
            self.shown.increment(1.0);
            let kind = error.kind(); // its text may contain the address
            tracing::warn!(
                part = self.name,
                ?kind,
                "Redis does not answer: falling back to the database for revocation checks"
            );
        }
    }

    pub(crate) fn works(&self) {
        if self.fails.swap(false, Relaxed) {
            self.troubles.fetch_sub(1, Relaxed);
            self.shown.decrement(1.0);
            tracing::info!(part = self.name, "Redis answers again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_certain_only_after_a_first_message_and_not_long_after_the_last() {
        let line = Channel::new(Duration::from_millis(50));
        assert!(!line.is_fresh());
        line.hear();
        assert!(line.is_fresh());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!line.is_fresh());
    }
}
