//! The way to the other processes, and how long ago it was last seen to work.

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

use crate::Ended;

/// More are not kept for a server that is away; by then nobody is certain of anything.
const MOST: usize = 500_000;

/// Shared by whoever tells, whoever listens, and whoever asks how it stands.
#[derive(Debug)]
pub(crate) struct Line {
    grace: Duration,
    start: Instant,
    /// When it was last heard to work, in milliseconds since the start; 0 is never.
    heard: AtomicU64,
    waiting: Mutex<Vec<Ended>>,
    put: Notify,
    /// Of listening and telling, how many do not work.
    troubles: Arc<AtomicUsize>,
}

impl Line {
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

    /// It works now, and everything was heard that was told before.
    pub(crate) fn hear(&self) {
        self.heard.store(self.now().max(1), Relaxed);
    }

    pub(crate) fn is_fresh(&self) -> bool {
        let heard = self.heard.load(Relaxed);
        heard > 0 && u128::from(self.now().saturating_sub(heard)) <= self.grace.as_millis()
    }

    pub(crate) fn put(&self, ended: &[Ended]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(waiting.len());
        waiting.extend(ended.iter().take(room));
        drop(waiting);
        self.put.notify_one();
    }

    /// What was put, as soon as there is something.
    pub(crate) async fn take(&self) -> Vec<Ended> {
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

/// Listening, or telling: says once that it does not work, and once that it does again.
pub(crate) struct Way {
    name: &'static str,
    fails: AtomicBool,
    troubles: Arc<AtomicUsize>,
    shown: Gauge,
}

impl Way {
    pub(crate) fn of(line: &Line, name: &'static str) -> Self {
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
            let kind = error.kind(); // its text may hold the address
            tracing::warn!(
                part = self.name,
                ?kind,
                "Redis does not answer: ended sessions are asked of the database"
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
    fn nobody_is_certain_before_the_first_word_nor_long_after_the_last() {
        let line = Line::new(Duration::from_millis(50));
        assert!(!line.is_fresh());
        line.hear();
        assert!(line.is_fresh());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!line.is_fresh());
    }
}
