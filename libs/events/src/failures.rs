//! Failure tracking of components; logs the start and the end of an outage once.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use metrics::{Gauge, gauge};

/// Number of components of event delivery that are failing. Clones share it.
#[derive(Debug, Clone)]
pub struct FailureCounter(Arc<AtomicUsize>, Gauge);

impl Default for FailureCounter {
    fn default() -> Self {
        Self(Arc::default(), gauge!("nexo_events_failing_components"))
    }
}

impl FailureCounter {
    /// The counter itself, for health checks.
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

    /// Creates a component, which counts as working until it reports a failure.
    pub(crate) fn component(&self, part: impl Into<String>) -> Component {
        Component { name: part.into(), fails: false, all: self.clone() }
    }
}

pub(crate) struct Component {
    name: String,
    fails: bool,
    all: FailureCounter,
}

impl Component {
    pub(crate) fn fails(&mut self, why: &dyn Display) {
        if !std::mem::replace(&mut self.fails, true) {
            self.all.begin();
            tracing::warn!(part = self.name, %why, "events wait; it is tried again until it works");
        }
    }

    pub(crate) fn works(&mut self) {
        if std::mem::replace(&mut self.fails, false) {
            self.all.end();
            tracing::info!(part = self.name, "event delivery recovered");
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        if self.fails {
            self.all.end();
        }
    }
}
