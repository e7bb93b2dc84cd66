use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Mutex as Turn;

use crate::{
    BucketState, Decision, Rate,
    gcra::nanoseconds,
    lease::Lease,
    remote::{LeaseGrant, LeaseRequest},
};

/// Minimum time between two calls to Redis for an empty bucket, so that rejected requests cost it nothing. Permits
/// that accrue meanwhile are not lost.
const IDLE_NANOSECONDS: u64 = 20_000_000;

/// Token bucket of one limit, such as the reads of an account.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    /// Serializes calls to Redis: many requests that find the bucket empty cause one call.
    pub(crate) turn: Turn<()>,
    waiting: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    /// Time at which the bucket is full, as far as this gateway knows.
    full_at: u64,
    lease: Lease,
    /// Time until which all requests are rejected without asking Redis.
    closed_until: u64,
    /// Whether this gateway has decided locally since its last call to Redis.
    is_apart: bool,
    /// Time of the last response from Redis.
    seen_at: u64,
}

impl Bucket {
    /// Creates a full bucket; `name` is its key in Redis, without its rate.
    pub fn new(name: impl Into<String>) -> Self {
        let state = Mutex::new(State::full(Rate::new(1, 1)));
        Self { name: name.into(), turn: Turn::default(), waiting: AtomicU32::new(0), state }
    }

    /// Decides from the lease or a standing rejection; `None` if Redis must be asked.
    pub(crate) fn at_hand(&self, rate: Rate, now: u64) -> Option<Decision> {
        let mut state = self.state(rate);
        let allowed = state.lease.take(now);
        (allowed || now < state.closed_until).then(|| state.decision(allowed, now))
    }

    /// Decides locally, without Redis.
    pub(crate) fn alone(&self, rate: Rate, now: u64) -> Decision {
        let mut state = self.state(rate);
        state.is_apart = true;
        let State { lease, full_at, .. } = &mut *state;
        let allowed = lease.take(now) || rate.take(full_at, now);
        state.decision(allowed, now)
    }

    /// Takes `permits` of a process-local bucket if it holds at least one; the rest becomes debt.
    pub(crate) fn take_on_credit(&self, rate: Rate, now: u64, permits: u32) -> Decision {
        let mut state = self.state(rate);
        let allowed = rate.take_on_credit(&mut state.full_at, now, permits);
        state.decision(allowed, now)
    }

    /// Takes `permits` of a process-local bucket unconditionally.
    pub(crate) fn charge_debt(&self, rate: Rate, now: u64, permits: u32) {
        rate.charge_debt(&mut self.state(rate).full_at, now, permits);
    }

    /// Counts a request that waits for Redis, until the guard is dropped.
    pub(crate) fn wait(&self) -> PendingGrant<'_> {
        self.waiting.fetch_add(1, Relaxed);
        PendingGrant(self)
    }

    /// Lease request to send to Redis.
    pub(crate) fn wanted(&self, rate: Rate, now: u64) -> LeaseRequest {
        let waiting = self.waiting.load(Relaxed);
        let mut state = self.state(rate);
        let permits = state.lease.want(rate, waiting, now);
        self.asking(&state, permits, now)
    }

    /// Request to read the state from Redis; `None` if it was read a moment ago.
    pub(crate) fn looked_at(&self, rate: Rate, now: u64) -> Option<LeaseRequest> {
        let state = self.state(rate);
        (now >= state.seen_at + IDLE_NANOSECONDS).then(|| self.asking(&state, 0, now))
    }

    /// Reports local decisions to Redis, so that it regains the state after losing its memory or an outage.
    fn asking(&self, state: &State, permits: u32, now: u64) -> LeaseRequest {
        let owed = if state.is_apart { state.full_at.saturating_sub(now) } else { 0 };
        let name = format!("{}:{}:{}", self.name, state.rate.per_minute(), state.rate.burst());
        LeaseRequest { name, rate: state.rate, permits, owed: Duration::from_nanos(owed) }
    }

    /// Applies the response of Redis.
    pub(crate) fn learn(&self, rate: Rate, granted: &LeaseGrant, now: u64) {
        self.state(rate).learn(granted, now);
    }

    /// Applies the response and takes a permit; without one, rejects requests for a while. Atomic, because a
    /// concurrent request could take the permits in between, and an empty lease would look like an empty bucket.
    pub(crate) fn learn_and_take(&self, rate: Rate, granted: &LeaseGrant, now: u64) -> Decision {
        let mut state = self.state(rate);
        state.learn(granted, now);
        let allowed = state.lease.take(now);
        if !allowed {
            let wait = nanoseconds(state.standing(now).wait);
            state.closed_until = now + wait.max(IDLE_NANOSECONDS);
        }
        state.decision(allowed, now)
    }

    /// Returns an unused permit.
    pub(crate) fn give_back(&self, rate: Rate, is_shared: bool) {
        let mut state = self.state(rate);
        if is_shared && !state.is_apart {
            state.lease.give_back();
        } else {
            state.full_at = state.full_at.saturating_sub(rate.interval());
        }
    }

    pub(crate) fn standing(&self, rate: Rate, now: u64) -> BucketState {
        self.state(rate).standing(now)
    }

    /// Locks the state. A changed rate starts with a full bucket, in Redis as well.
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

    fn learn(&mut self, granted: &LeaseGrant, now: u64) {
        self.full_at = now.saturating_add(nanoseconds(granted.owed));
        (self.is_apart, self.seen_at) = (false, now);
        if granted.permits > 0 {
            let left = self.lease.left(now);
            self.lease.renew(left + granted.permits, now);
        }
    }

    fn standing(&self, now: u64) -> BucketState {
        self.rate.standing(self.full_at, now, self.lease.left(now))
    }

    fn decision(&self, allowed: bool, now: u64) -> Decision {
        Decision { allowed, standing: self.standing(now) }
    }
}

/// Guard that counts a waiting request.
pub(crate) struct PendingGrant<'a>(&'a Bucket);

impl Drop for PendingGrant<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}
