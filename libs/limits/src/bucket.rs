use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Mutex as Turn;

use crate::{
    Decision, Rate, Standing,
    gcra::nanoseconds,
    lease::Lease,
    remote::{Granted, Wanted},
};

/// An empty bucket is not asked for again before this, so that a storm of refused requests costs Redis nothing: what it
/// gives meanwhile is not lost.
const REST: u64 = 20_000_000;

/// One thing that is limited, such as what an account reads.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    /// Held by whoever asks Redis: many who find the bucket empty cost one call.
    pub(crate) turn: Turn<()>,
    waiting: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    /// When it is full again, as far as this gateway knows.
    full_at: u64,
    lease: Lease,
    /// Until then everybody is refused.
    closed_until: u64,
    /// Whether this gateway has decided by itself since it last spoke to Redis.
    is_apart: bool,
    /// When it last spoke to Redis.
    seen_at: u64,
}

impl Bucket {
    /// A full one; `name` is what it is called in Redis, without its rate.
    pub fn new(name: impl Into<String>) -> Self {
        let state = Mutex::new(State::full(Rate::new(1, 1)));
        Self { name: name.into(), turn: Turn::default(), waiting: AtomicU32::new(0), state }
    }

    /// A permit that is at hand, or a refusal that stands; `None`: Redis must be asked.
    pub(crate) fn at_hand(&self, rate: Rate, now: u64) -> Option<Decision> {
        let mut state = self.state(rate);
        let allowed = state.lease.take(now);
        (allowed || now < state.closed_until).then(|| state.decision(allowed, now))
    }

    /// Decides without Redis.
    pub(crate) fn alone(&self, rate: Rate, now: u64) -> Decision {
        let mut state = self.state(rate);
        state.is_apart = true;
        let State { lease, full_at, .. } = &mut *state;
        let allowed = lease.take(now) || rate.take(full_at, now);
        state.decision(allowed, now)
    }

    /// Takes `permits` of what this process alone counts, if there is one: the rest is owed.
    pub(crate) fn take_on_credit(&self, rate: Rate, now: u64, permits: u32) -> Decision {
        let mut state = self.state(rate);
        let allowed = rate.take_on_credit(&mut state.full_at, now, permits);
        state.decision(allowed, now)
    }

    /// Takes `permits` of what this process alone counts, whether they are there or not.
    pub(crate) fn owe(&self, rate: Rate, now: u64, permits: u32) {
        rate.owe(&mut self.state(rate).full_at, now, permits);
    }

    /// Counts somebody who waits for Redis's answer, for as long as they do.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(self)
    }

    /// What to ask Redis for.
    pub(crate) fn wanted(&self, rate: Rate, now: u64) -> Wanted {
        let waiting = self.waiting.load(Relaxed);
        let mut state = self.state(rate);
        let permits = state.lease.want(rate, waiting, now);
        self.asking(&state, permits, now)
    }

    /// What to ask Redis for, to learn how the bucket stands; `None`: it was asked a moment ago.
    pub(crate) fn looked_at(&self, rate: Rate, now: u64) -> Option<Wanted> {
        let state = self.state(rate);
        (now >= state.seen_at + REST).then(|| self.asking(&state, 0, now))
    }

    /// What was decided without Redis, it is told: one that has lost its memory, or never heard of it, learns it again.
    fn asking(&self, state: &State, permits: u32, now: u64) -> Wanted {
        let owed = if state.is_apart { state.full_at.saturating_sub(now) } else { 0 };
        let name = format!("{}:{}:{}", self.name, state.rate.per_minute(), state.rate.burst());
        Wanted { name, rate: state.rate, permits, owed: Duration::from_nanos(owed) }
    }

    /// Takes over what Redis has said.
    pub(crate) fn learn(&self, rate: Rate, granted: &Granted, now: u64) {
        self.state(rate).learn(granted, now);
    }

    /// The same, and a permit of those that were just leased; without any, nobody gets one for a while. All in one, or
    /// somebody else could have taken the permits in between, and an empty lease be taken for an empty bucket.
    pub(crate) fn learn_and_take(&self, rate: Rate, granted: &Granted, now: u64) -> Decision {
        let mut state = self.state(rate);
        state.learn(granted, now);
        let allowed = state.lease.take(now);
        if !allowed {
            let wait = nanoseconds(state.standing(now).wait);
            state.closed_until = now + wait.max(REST);
        }
        state.decision(allowed, now)
    }

    /// Puts a permit back that was not used after all.
    pub(crate) fn give_back(&self, rate: Rate, is_shared: bool) {
        let mut state = self.state(rate);
        if is_shared && !state.is_apart {
            state.lease.give_back();
        } else {
            state.full_at = state.full_at.saturating_sub(rate.interval());
        }
    }

    pub(crate) fn standing(&self, rate: Rate, now: u64) -> Standing {
        self.state(rate).standing(now)
    }

    /// Of this rate: another one begins with a full bucket, in Redis as well.
    fn state(&self, rate: Rate) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.rate != rate {
            *state = State::full(rate);
        }
        state
    }
}

impl State {
    fn full(rate: Rate) -> Self {
        Self { rate, full_at: 0, lease: Lease::default(), closed_until: 0, is_apart: false, seen_at: 0 }
    }

    fn learn(&mut self, granted: &Granted, now: u64) {
        self.full_at = now.saturating_add(nanoseconds(granted.owed));
        (self.is_apart, self.seen_at) = (false, now);
        if granted.permits > 0 {
            let left = self.lease.left(now);
            self.lease.renew(left + granted.permits, now);
        }
    }

    fn standing(&self, now: u64) -> Standing {
        self.rate.standing(self.full_at, now, self.lease.left(now))
    }

    fn decision(&self, allowed: bool, now: u64) -> Decision {
        Decision { allowed, standing: self.standing(now) }
    }
}

/// Somebody who waits for Redis's answer.
pub(crate) struct Waiting<'a>(&'a Bucket);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}
