//! What does not work, told once when it begins and once when it ends.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use metrics::{Gauge, gauge};

/// How many parts of the delivery of events do not work now. Clones share it.
#[derive(Debug, Clone)]
pub struct Troubles(Arc<AtomicUsize>, Gauge);

impl Default for Troubles {
    fn default() -> Self {
        Self(Arc::default(), gauge!("nexo_events_failing_components"))
    }
}

impl Troubles {
    /// The number itself, for whoever shows it.
    #[must_use]
    pub fn count(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1.increment(1);
    }

    fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        self.1.decrement(1);
    }

    /// One part, which works until it says otherwise.
    pub(crate) fn of(&self, part: impl Into<String>) -> Part {
        Part { name: part.into(), fails: false, all: self.clone() }
    }
}

pub(crate) struct Part {
    name: String,
    fails: bool,
    all: Troubles,
}

impl Part {
    pub(crate) fn fails(&mut self, why: &dyn Display) {
        if !std::mem::replace(&mut self.fails, true) {
            self.all.begin();
            tracing::warn!(part = self.name, %why, "events wait; it is tried again until it works");
        }
    }

    pub(crate) fn works(&mut self) {
        if std::mem::replace(&mut self.fails, false) {
            self.all.end();
            tracing::info!(part = self.name, "events flow again");
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.fails {
            self.all.end();
        }
    }
}
