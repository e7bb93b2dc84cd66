use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Minimum interval between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// Throttles a log line that thousands of requests could write to one per second.
#[derive(Debug)]
pub struct LogThrottle(Mutex<(Option<Instant>, u64)>);

impl LogThrottle {
    /// A throttle whose line was not written yet.
    #[must_use]
    pub const fn unwritten() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Whether to write the line now; then the number of lines suppressed since the last one.
    pub fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = *state;
        if last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            state.1 += 1;
            return None;
        }
        *state = (Some(now), 0);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_lines_is_written_and_tells_how_many_were_not() {
        let (line, start) = (LogThrottle::unwritten(), Instant::now());
        let at = |millis| line.at(start + Duration::from_millis(millis));
        assert_eq!(
            [at(0), at(1), at(999), at(1000), at(1500), at(2100)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
