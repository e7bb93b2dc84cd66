use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use crate::{Bucket, BucketState, Decision, Rate, gcra::nanoseconds, remote::Remote};

/// Grants permits from buckets: process-local ones, or those shared through Redis.
#[derive(Debug, Clone)]
pub struct Limiter {
    start: Instant,
    remote: Option<Arc<Remote>>,
}

impl Limiter {
    pub(crate) fn new(remote: Option<Arc<Remote>>) -> Self {
        Self { start: Instant::now(), remote }
    }

    /// Creates a limiter without Redis.
    #[must_use]
    pub fn local() -> Self {
        Self::new(None)
    }

    /// Failure counter of Redis, if it is configured: 0 or 1.
    #[must_use]
    pub fn failures(&self) -> Option<Arc<AtomicUsize>> {
        self.remote.as_ref().map(|remote| remote.troubles())
    }

    /// Takes a permit. Infallible: during an outage of Redis, this gateway decides locally.
    pub async fn take(&self, bucket: &Bucket, rate: Rate) -> Decision {
        let Some(remote) = &self.remote else { return bucket.alone(rate, self.now()) };
        if let Some(decision) = bucket.at_hand(rate, self.now()) {
            return decision;
        }
        if !remote.is_up() {
            return bucket.alone(rate, self.now());
        }
        Box::pin(self.lease(remote, bucket, rate)).await // large, and rare
    }

    /// Takes a permit of a new lease.
    async fn lease(&self, remote: &Remote, bucket: &Bucket, rate: Rate) -> Decision {
        let _waiting = bucket.wait();
        let _turn = bucket.turn.lock().await;
        if let Some(decision) = bucket.at_hand(rate, self.now()) {
            return decision;
        }
        match remote.ask(&bucket.wanted(rate, self.now())).await {
            Some(granted) => bucket.learn_and_take(rate, &granted, self.now()),
            None => bucket.alone(rate, self.now()),
        }
    }

    /// Reads the state of a bucket without taking a permit.
    pub async fn peek(&self, bucket: &Bucket, rate: Rate) -> BucketState {
        if let Some(remote) = self.remote.as_ref().filter(|remote| remote.is_up())
            && let Some(wanted) = bucket.looked_at(rate, self.now())
        {
            let _turn = bucket.turn.lock().await;
            if let Some(granted) = remote.ask(&wanted).await {
                bucket.learn(rate, &granted, self.now());
            }
        }
        bucket.standing(rate, self.now())
    }

    /// State of a bucket as known locally.
    #[must_use]
    pub fn glance(&self, bucket: &Bucket, rate: Rate) -> BucketState {
        bucket.standing(rate, self.now())
    }

    /// Takes `permits` of a process-local bucket if it holds at least one. The rest becomes debt: no permit is
    /// granted until it is paid off.
    #[must_use]
    pub fn take_on_credit(&self, bucket: &Bucket, rate: Rate, permits: u32) -> Decision {
        bucket.take_on_credit(rate, self.now(), permits)
    }

    /// Takes `permits` of a process-local bucket unconditionally.
    pub fn charge_debt(&self, bucket: &Bucket, rate: Rate, permits: u32) {
        bucket.charge_debt(rate, self.now(), permits);
    }

    /// Returns an unused permit.
    pub fn give_back(&self, bucket: &Bucket, rate: Rate) {
        bucket.give_back(rate, self.remote.is_some());
    }

    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }
}
