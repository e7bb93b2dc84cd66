//! GCRA arithmetic. Time is an argument, in nanoseconds since a fixed point.

use std::time::Duration;

const MINUTE: u64 = 60_000_000_000;
/// A permit per microsecond is practically unlimited, and keeps rounding errors below a thousandth.
const MAX_PER_MINUTE: u32 = 60_000_000;

/// Rate limit: sustained permits per minute, and burst size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_minute: u32,
    burst: u32,
}

/// State of a bucket at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketState {
    /// Capacity: permits in a full bucket.
    pub limit: u32,
    /// Permits in the bucket now.
    pub remaining: u32,
    /// Time until the bucket is full.
    pub reset: Duration,
    /// Time until the bucket holds a permit.
    pub wait: Duration,
}

impl Rate {
    /// Creates a rate; both values are at least 1.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute: per_minute.clamp(1, MAX_PER_MINUTE), burst: burst.clamp(1, MAX_PER_MINUTE) }
    }

    /// Sustained permits per minute.
    #[must_use]
    pub fn per_minute(self) -> u32 {
        self.per_minute
    }

    /// Burst size: permits in a full bucket.
    #[must_use]
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// Returns one of `parts` equal shares of the rate, such as a half.
    #[must_use]
    pub fn part(self, parts: u32) -> Self {
        Self::new(self.per_minute / parts.max(1), self.burst / parts.max(1))
    }

    /// Time in which one permit accrues, in nanoseconds.
    pub(crate) fn interval(self) -> u64 {
        MINUTE / u64::from(self.per_minute)
    }

    /// Whole permits that accrue in this time.
    pub(crate) fn in_time(self, time: Duration) -> u32 {
        saturated(nanoseconds(time) / self.interval())
    }

    /// Time in which an empty bucket fills up.
    fn span(self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst))
    }

    /// Permits in a bucket that is full at `full_at`.
    pub(crate) fn available(self, full_at: u64, now: u64) -> u32 {
        saturated(self.span().saturating_sub(full_at.saturating_sub(now)) / self.interval())
    }

    /// Takes a permit, if there is one.
    pub(crate) fn take(self, full_at: &mut u64, now: u64) -> bool {
        self.take_on_credit(full_at, now, 1)
    }

    /// Takes `permits` if there is at least one. The rest becomes debt: no permit is granted until it is paid off.
    pub(crate) fn take_on_credit(self, full_at: &mut u64, now: u64, permits: u32) -> bool {
        let is_there = self.available(*full_at, now) > 0;
        if is_there {
            self.charge_debt(full_at, now, permits);
        }
        is_there
    }

    /// Takes `permits` unconditionally; the shortfall becomes debt.
    pub(crate) fn charge_debt(self, full_at: &mut u64, now: u64, permits: u32) {
        let time = self.interval().saturating_mul(u64::from(permits));
        *full_at = (*full_at).max(now).saturating_add(time);
    }

    /// State of a bucket that is full at `full_at`, with `more` leased permits.
    pub(crate) fn standing(self, full_at: u64, now: u64, more: u32) -> BucketState {
        let owed = full_at.saturating_sub(now);
        let remaining = self.available(full_at, now).saturating_add(more).min(self.burst);
        let wait = if remaining > 0 { 0 } else { (owed + self.interval()).saturating_sub(self.span()) };
        BucketState {
            limit: self.burst,
            remaining,
            reset: Duration::from_nanos(owed),
            wait: Duration::from_nanos(wait),
        }
    }
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// No window admits more than the burst plus what accrues in it, for any arrival times.
        #[test]
        fn no_window_has_more_than_its_burst_and_its_share(
            per_minute in 1_u32..200_000, burst in 1_u32..500, pauses in prop::collection::vec(0_u64..3_000_000_000, 1..400),
        ) {
            let rate = Rate::new(per_minute, burst);
            let (mut full_at, mut now, mut taken) = (0, MINUTE, Vec::new());
            for pause in pauses {
                now += pause;
                if rate.take(&mut full_at, now) {
                    taken.push(now);
                }
            }
            for (at, first) in taken.iter().enumerate() {
                for (last, time) in taken.iter().enumerate().skip(at) {
                    let given = (time - first) / rate.interval() + u64::from(burst);
                    prop_assert!((last - at + 1) as u64 <= given);
                }
            }
        }

        /// A request after exactly the announced wait is admitted, and one before is not.
        #[test]
        fn the_wait_is_as_long_as_it_is_said(per_minute in 1_u32..1_000_000, burst in 1_u32..100, pause in 0_u64..MINUTE) {
            let rate = Rate::new(per_minute, burst);
            let (mut full_at, now) = (0, MINUTE);
            while rate.take(&mut full_at, now) {}
            let now = now + pause.min(rate.interval() - 1);
            let wait = nanoseconds(rate.standing(full_at, now, 0).wait);
            prop_assert!(wait > 0);
            prop_assert!(!rate.take(&mut full_at, now + wait - 1));
            prop_assert!(rate.take(&mut full_at, now + wait));
        }

        #[test]
        fn what_remains_can_be_taken_and_no_more(per_minute in 1_u32..1_000_000, burst in 1_u32..100, used in 0_u32..100, pause in 0_u64..MINUTE) {
            let rate = Rate::new(per_minute, burst);
            let (mut full_at, mut now) = (0, MINUTE);
            for _ in 0..used {
                rate.take(&mut full_at, now);
            }
            now += pause;
            let left = rate.standing(full_at, now, 0).remaining;
            let taken = std::iter::repeat_with(|| rate.take(&mut full_at, now)).take_while(|taken| *taken).count();
            prop_assert_eq!(taken, left as usize);
        }
    }

    #[test]
    fn what_was_taken_on_credit_is_paid_before_anybody_gets_a_permit() {
        let rate = Rate::new(60, 10);
        let (mut full_at, now) = (0, MINUTE);
        assert!(rate.take_on_credit(&mut full_at, now, 30), "a full bucket lends what it does not hold");
        assert!(!rate.take_on_credit(&mut full_at, now, 1));
        let wait = nanoseconds(rate.standing(full_at, now, 0).wait);
        assert_eq!(wait, 21 * rate.interval());
        assert!(!rate.take(&mut full_at, now + wait - 1));
        assert!(rate.take(&mut full_at, now + wait));
    }

    #[test]
    fn a_bucket_that_rests_is_full_again_when_it_says() {
        let rate = Rate::new(60, 10);
        let (mut full_at, now) = (0, MINUTE);
        for left in (0..10).rev() {
            assert!(rate.take(&mut full_at, now));
            assert_eq!(rate.standing(full_at, now, 0).remaining, left);
        }
        let standing = rate.standing(full_at, now, 0);
        assert_eq!((standing.reset, standing.wait), (Duration::from_secs(10), Duration::from_secs(1)));
        assert_eq!(rate.standing(full_at, now + nanoseconds(standing.reset), 0).remaining, 10);
    }
}
