//! Circuit breaker of an upstream address: opens after failures, and half-opens for a single trial request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Maximum time for which the circuit stays open.
const MAX_OPEN: Duration = Duration::from_secs(30);

/// Settings of the circuit breaker.
#[derive(Debug, Clone, Copy)]
pub struct BreakerConfig {
    /// Number of consecutive failures that open the circuit.
    pub failures: u32,
    /// Time for which it first stays open; doubled on each failed trial, up to 30 seconds.
    pub rest: Duration,
}

/// Circuit breaker of one address.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: BreakerConfig,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Closed: requests pass; counts consecutive failures.
    Closed { failures: u32 },
    /// Open until this time; counts the previous failed trials.
    Open { until: Instant, rests: u32 },
    /// Half-open: one trial request is in progress.
    HalfOpen { rests: u32 },
}

/// Permission to send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    Usual,
    /// As the trial request of a half-open circuit.
    Trial,
}

impl Breaker {
    pub(super) fn new(rules: BreakerConfig) -> Self {
        Self { rules, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a request may be sent.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match *self.state() {
            State::Closed { .. } => true,
            State::Open { until, .. } => until <= now,
            State::HalfOpen { .. } => false,
        }
    }

    /// Grants a permit for a request; opens the trial if it is due.
    pub(super) fn pass(&self, now: Instant) -> Option<Permit> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Some(Permit::Usual),
            State::Open { until, rests } if until <= now => {
                *state = State::HalfOpen { rests };
                Some(Permit::Trial)
            }
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Records a success; returns whether it closes the circuit.
    pub(super) fn succeeded(&self, pass: Permit) -> bool {
        let mut state = self.state();
        // A request sent before the circuit opened says nothing about the present state.
        if pass == Permit::Trial || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        pass == Permit::Trial
    }

    /// Records a failure; returns whether it opens the circuit.
    pub(super) fn failed(&self, pass: Permit, now: Instant) -> bool {
        let mut state = self.state();
        let rests = match (*state, pass) {
            (State::HalfOpen { rests }, Permit::Trial) => rests + 1,
            (State::Closed { failures }, _) if failures + 1 >= self.rules.failures => 0,
            (State::Closed { failures }, _) => {
                *state = State::Closed { failures: failures + 1 };
                return false;
            }
            _ => return false,
        };
        let rest = self.rules.rest.saturating_mul(1 << rests.min(16)).min(MAX_OPEN);
        *state = State::Open { until: now + rest, rests };
        true
    }

    /// Records a request that was cancelled before its outcome was known: another trial may start.
    pub(super) fn left(&self, pass: Permit, now: Instant) {
        let mut state = self.state();
        if let (State::HalfOpen { rests }, Permit::Trial) = (*state, pass) {
            *state = State::Open { until: now, rests };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_OPEN: Duration = Duration::from_secs(1);

    fn resting(now: Instant) -> Breaker {
        let breaker = Breaker::new(BreakerConfig { failures: 3, rest: MIN_OPEN });
        assert!(!breaker.failed(Permit::Usual, now) && !breaker.failed(Permit::Usual, now));
        assert!(breaker.admits(now) && breaker.failed(Permit::Usual, now), "the third one counts");
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
        let now = Instant::now();
        let breaker = Breaker::new(BreakerConfig { failures: 2, rest: MIN_OPEN });
        for _ in 0..5 {
            assert!(!breaker.failed(Permit::Usual, now));
            breaker.succeeded(Permit::Usual);
        }
        assert_eq!(breaker.pass(now), Some(Permit::Usual));
        let breaker = resting(now);
        assert_eq!(breaker.pass(now), None);
        breaker.succeeded(Permit::Usual);
        assert_eq!(breaker.pass(now), None, "an answer to an older request closes nothing");
    }

    #[test]
    fn one_request_tries_it_and_closes_it() {
        let now = Instant::now();
        let breaker = resting(now);
        let later = now + MIN_OPEN;
        assert_eq!((breaker.pass(later), breaker.pass(later)), (Some(Permit::Trial), None));
        breaker.left(Permit::Trial, later);
        assert_eq!(breaker.pass(later), Some(Permit::Trial), "the first one went away");
        breaker.succeeded(Permit::Trial);
        assert_eq!(breaker.pass(later), Some(Permit::Usual));
    }

    #[test]
    fn it_rests_longer_each_time_but_not_for_ever() {
        let mut now = Instant::now();
        let breaker = resting(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!breaker.admits(now + Duration::from_millis(seconds * 1000 - 1)));
            now += Duration::from_secs(seconds);
            assert_eq!(breaker.pass(now), Some(Permit::Trial));
            assert!(!breaker.failed(Permit::Usual, now), "what was sent before does not count");
            assert!(breaker.failed(Permit::Trial, now));
        }
    }
}
