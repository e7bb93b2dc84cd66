//! Minimum rate of request bodies.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::BodyRate;
use crate::error::TooSlow;

/// Measures the average rate of one body. Only time spent waiting for the client counts, because a service may be
/// slow itself.
pub(super) struct MinimumRate {
    rate: BodyRate,
    /// Bytes received in this window.
    bytes: u64,
    /// Time waited for the client in this window.
    waited: Duration,
    /// Start of the current wait.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl MinimumRate {
    pub(super) fn new(rate: BodyRate) -> Self {
        Self { rate, bytes: 0, waited: Duration::ZERO, since: None, timer: None }
    }

    /// Records received bytes.
    pub(super) fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Records that no data is available; ready when the rate is too low.
    pub(super) fn waits(&mut self, cx: &mut Context<'_>) -> Poll<TooSlow> {
        loop {
            let now = Instant::now();
            let since = *self.since.get_or_insert(now);
            let left = self.rate.window.saturating_sub(self.waited + now.duration_since(since));
            if left.is_zero() {
                let least = f64::from(self.rate.bytes) * self.rate.window.as_secs_f64();
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a byte more or less of a petabyte does not matter"
                )]
                let is_slow = (self.bytes as f64) < least;
                (self.bytes, self.waited, self.since) = (0, Duration::ZERO, None);
                if is_slow {
                    return Poll::Ready(TooSlow);
                }
                continue;
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(now + left)));
            timer.as_mut().reset(now + left);
            match timer.as_mut().poll(cx) {
                Poll::Ready(()) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{sleep, timeout};

    use super::*;

    const RATE: BodyRate = BodyRate { bytes: 10_000, window: Duration::from_millis(100) };

    /// Whether a body with `bytes` after each `pause`, with a reader that always waits, is found too slow.
    async fn is_slow(bytes: usize, pause: Duration, pieces: usize) -> bool {
        let mut pace = MinimumRate::new(RATE);
        for _ in 0..pieces {
            if timeout(pause, poll_fn(|cx| pace.waits(cx))).await.is_ok() {
                return true;
            }
            pace.came(bytes);
        }
        false
    }

    #[tokio::test]
    async fn a_body_that_comes_too_slowly_on_average_is_found() {
        let short = Duration::from_millis(10);
        assert!(is_slow(1, short, 50).await);
        assert!(is_slow(0, 10 * short, 2).await, "nothing at all");
        assert!(!is_slow(10_000, short, 50).await);
        assert!(!is_slow(100_000, 8 * short, 6).await, "in large pieces, far apart");
    }

    #[tokio::test]
    async fn time_without_a_read_is_not_counted() {
        let mut pace = MinimumRate::new(RATE);
        for _ in 0..5 {
            assert!(timeout(Duration::from_millis(2), poll_fn(|cx| pace.waits(cx))).await.is_err());
            pace.came(1);
            sleep(RATE.window).await; // simulates a slow database
        }
    }
}
