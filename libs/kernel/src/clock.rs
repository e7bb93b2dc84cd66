//! A clock that is passed as an argument, so that tests can control it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;

/// Source of the current time, with a precision of seconds.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock fixed at `unix_seconds` until it is [`advance`](Self::advance)d. Clones share it.
    #[must_use]
    pub fn fixed(unix_seconds: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(unix_seconds))))
    }

    /// Advances a fixed clock; has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Some(seconds) = &self.0 {
            seconds.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    /// Unix time in seconds, as in a JWT (RFC 7519 `NumericDate`).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn unix_seconds(&self) -> i64 {
        match &self.0 {
            Some(seconds) => seconds.load(Ordering::Relaxed),
            None => OffsetDateTime::now_utc().unix_timestamp(),
        }
    }
}
