//! Time as an argument, so that a test can hold it still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;

/// Tells the time, to the second.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `unix_seconds` until [`advance`](Self::advance)d. Clones share it.
    #[must_use]
    pub fn standing(unix_seconds: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(unix_seconds))))
    }

    /// Moves a standing clock on; the machine's clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Some(seconds) = &self.0 {
            seconds.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z, as in a JWT (RFC 7519 `NumericDate`).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn unix_seconds(&self) -> i64 {
        match &self.0 {
            Some(seconds) => seconds.load(Ordering::Relaxed),
            None => OffsetDateTime::now_utc().unix_timestamp(),
        }
    }
}
