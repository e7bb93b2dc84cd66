use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often the same is said.
const OFTEN: Duration = Duration::from_secs(1);

/// A line that could be written for each of thousands of requests, and is for one a second.
#[derive(Debug)]
pub struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// One that has not been written yet.
    #[must_use]
    pub const fn unwritten() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Whether it is time to write it: then, how many were left out since the last one.
    pub fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = *state;
        if last.is_some_and(|last| now.duration_since(last) < OFTEN) {
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
        let (line, start) = (Seldom::unwritten(), Instant::now());
        let at = |millis| line.at(start + Duration::from_millis(millis));
        assert_eq!(
            [at(0), at(1), at(999), at(1000), at(1500), at(2100)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
