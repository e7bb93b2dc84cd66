use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use crate::{Bucket, Rate, Standing, gcra::nanoseconds, remote::Remote};

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// It may.
    pub allowed: bool,
    /// How the bucket stands after it.
    pub standing: Standing,
}

/// Gives permits out of buckets: those of this process, or those that all gateways share through Redis.
#[derive(Debug, Clone)]
pub struct Limiter {
    start: Instant,
    remote: Option<Arc<Remote>>,
}

impl Limiter {
    pub(crate) fn new(remote: Option<Arc<Remote>>) -> Self {
        Self { start: Instant::now(), remote }
    }

    /// One without Redis.
    #[must_use]
    pub fn local() -> Self {
        Self::new(None)
    }

    /// How much of Redis does not work, where it is used: 0 or 1.
    #[must_use]
    pub fn troubles(&self) -> Option<Arc<AtomicUsize>> {
        self.remote.as_ref().map(|remote| remote.troubles())
    }

    /// Takes a permit. It never fails: while Redis does not answer, this gateway decides alone.
    pub async fn take(&self, bucket: &Bucket, rate: Rate) -> Decision {
        let Some(remote) = &self.remote else { return bucket.alone(rate, self.now()) };
        if let Some(decision) = bucket.at_hand(rate, self.now()) {
            return decision;
        }
        if !remote.is_up() {
            return bucket.alone(rate, self.now());
        }
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

    /// How a bucket stands. It takes nothing.
    pub async fn look(&self, bucket: &Bucket, rate: Rate) -> Standing {
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

    /// How a bucket stands, as far as this gateway knows.
    #[must_use]
    pub fn glance(&self, bucket: &Bucket, rate: Rate) -> Standing {
        bucket.standing(rate, self.now())
    }

    /// Takes `permits` of a bucket that no other gateway shares, if it holds at least one. What it does not hold is owed: it
    /// gives none until that is paid.
    #[must_use]
    pub fn take_on_credit(&self, bucket: &Bucket, rate: Rate, permits: u32) -> Decision {
        bucket.take_on_credit(rate, self.now(), permits)
    }

    /// Takes `permits` of a bucket that no other gateway shares, whether they are there or not.
    pub fn owe(&self, bucket: &Bucket, rate: Rate, permits: u32) {
        bucket.owe(rate, self.now(), permits);
    }

    /// Puts a permit back that was not used after all.
    pub fn give_back(&self, bucket: &Bucket, rate: Rate) {
        bucket.give_back(rate, self.remote.is_some());
    }

    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }
}
