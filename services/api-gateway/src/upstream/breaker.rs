//! Whether an address is asked: not for a while after it has failed, and then by one request that tries it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// However often it fails, it is tried again after this.
const LONGEST: Duration = Duration::from_secs(30);

/// When an address rests, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// So many failures, one after the other.
    pub failures: u32,
    /// The first time; then twice as long each time, up to 30 seconds.
    pub rest: Duration,
}

/// What is known of an address.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// It is asked; so often it has just failed.
    Closed { failures: u32 },
    /// It rests, having rested so often before.
    Open { until: Instant, rests: u32 },
    /// It has rested, and one request is there to see.
    HalfOpen { rests: u32 },
}

/// How a request may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Usual,
    /// As the one that tries.
    Trial,
}

impl Breaker {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a request may go there.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match *self.state() {
            State::Closed { .. } => true,
            State::Open { until, .. } => until <= now,
            State::HalfOpen { .. } => false,
        }
    }

    /// Lets a request through.
    pub(super) fn pass(&self, now: Instant) -> Option<Pass> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Some(Pass::Usual),
            State::Open { until, rests } if until <= now => {
                *state = State::HalfOpen { rests };
                Some(Pass::Trial)
            }
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// It has answered; tells whether that ends its rest.
    pub(super) fn succeeded(&self, pass: Pass) -> bool {
        let mut state = self.state();
        // What was sent before a rest tells nothing about what comes after.
        if pass == Pass::Trial || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        pass == Pass::Trial
    }

    /// It has not; tells whether that makes it rest.
    pub(super) fn failed(&self, pass: Pass, now: Instant) -> bool {
        let mut state = self.state();
        let rests = match (*state, pass) {
            (State::HalfOpen { rests }, Pass::Trial) => rests + 1,
            (State::Closed { failures }, _) if failures + 1 >= self.rules.failures => 0,
            (State::Closed { failures }, _) => {
                *state = State::Closed { failures: failures + 1 };
                return false;
            }
            _ => return false,
        };
        let rest = self.rules.rest.saturating_mul(1 << rests.min(16)).min(LONGEST);
        *state = State::Open { until: now + rest, rests };
        true
    }

    /// The request has gone before anybody could tell: another may try.
    pub(super) fn left(&self, pass: Pass, now: Instant) {
        let mut state = self.state();
        if let (State::HalfOpen { rests }, Pass::Trial) = (*state, pass) {
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

    const REST: Duration = Duration::from_secs(1);

    fn resting(now: Instant) -> Breaker {
        let breaker = Breaker::new(Rules { failures: 3, rest: REST });
        assert!(!breaker.failed(Pass::Usual, now) && !breaker.failed(Pass::Usual, now));
        assert!(breaker.admits(now) && breaker.failed(Pass::Usual, now), "the third one counts");
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
        let now = Instant::now();
        let breaker = Breaker::new(Rules { failures: 2, rest: REST });
        for _ in 0..5 {
            assert!(!breaker.failed(Pass::Usual, now));
            breaker.succeeded(Pass::Usual);
        }
        assert_eq!(breaker.pass(now), Some(Pass::Usual));
        let breaker = resting(now);
        assert_eq!(breaker.pass(now), None);
        breaker.succeeded(Pass::Usual);
        assert_eq!(breaker.pass(now), None, "an answer to an older request closes nothing");
    }

    #[test]
    fn one_request_tries_it_and_closes_it() {
        let now = Instant::now();
        let breaker = resting(now);
        let later = now + REST;
        assert_eq!((breaker.pass(later), breaker.pass(later)), (Some(Pass::Trial), None));
        breaker.left(Pass::Trial, later);
        assert_eq!(breaker.pass(later), Some(Pass::Trial), "the first one went away");
        breaker.succeeded(Pass::Trial);
        assert_eq!(breaker.pass(later), Some(Pass::Usual));
    }

    #[test]
    fn it_rests_longer_each_time_but_not_for_ever() {
        let mut now = Instant::now();
        let breaker = resting(now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!breaker.admits(now + Duration::from_millis(seconds * 1000 - 1)));
            now += Duration::from_secs(seconds);
            assert_eq!(breaker.pass(now), Some(Pass::Trial));
            assert!(!breaker.failed(Pass::Usual, now), "what was sent before does not count");
            assert!(breaker.failed(Pass::Trial, now));
        }
    }
}
