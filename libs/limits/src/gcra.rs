//! The arithmetic, with the time as an argument: nanoseconds since some moment.

use std::time::Duration;

const MINUTE: u64 = 60_000_000_000;
/// A permit each microsecond is as good as no limit, and keeps what is lost by rounding below a thousandth.
const MOST: u32 = 60_000_000;

/// So many permits a minute, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_minute: u32,
    burst: u32,
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many permits it holds when it is full.
    pub limit: u32,
    /// How many it holds now.
    pub remaining: u32,
    /// How long until it is full.
    pub reset: Duration,
    /// How long until it holds one.
    pub wait: Duration,
}

impl Rate {
    /// At least one of each.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute: per_minute.clamp(1, MOST), burst: burst.clamp(1, MOST) }
    }

    /// How many a minute.
    #[must_use]
    pub fn per_minute(self) -> u32 {
        self.per_minute
    }

    /// How many at once.
    #[must_use]
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// A share of it, such as a half: one part of `parts`.
    #[must_use]
    pub fn part(self, parts: u32) -> Self {
        Self::new(self.per_minute / parts.max(1), self.burst / parts.max(1))
    }

    /// The time in which it gives a permit.
    pub(crate) fn interval(self) -> u64 {
        MINUTE / u64::from(self.per_minute)
    }

    /// How many permits it gives in this time, in whole ones.
    pub(crate) fn in_time(self, time: Duration) -> u32 {
        saturated(nanoseconds(time) / self.interval())
    }

    /// The time in which it fills an empty bucket.
    fn span(self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst))
    }

    /// How many permits a bucket holds that is full at `full_at`.
    pub(crate) fn room(self, full_at: u64, now: u64) -> u32 {
        saturated(self.span().saturating_sub(full_at.saturating_sub(now)) / self.interval())
    }

    /// Takes a permit, if there is one.
    pub(crate) fn take(self, full_at: &mut u64, now: u64) -> bool {
        self.take_on_credit(full_at, now, 1)
    }

    /// Takes `permits`, if there is at least one: the rest is owed, and nobody gets a permit before it is paid.
    pub(crate) fn take_on_credit(self, full_at: &mut u64, now: u64, permits: u32) -> bool {
        let is_there = self.room(*full_at, now) > 0;
        if is_there {
            self.owe(full_at, now, permits);
        }
        is_there
    }

    /// Takes `permits`, whether they are there or not.
    pub(crate) fn owe(self, full_at: &mut u64, now: u64, permits: u32) {
        let time = self.interval().saturating_mul(u64::from(permits));
        *full_at = (*full_at).max(now).saturating_add(time);
    }

    /// How a bucket stands that is full at `full_at`, with `more` permits beside it.
    pub(crate) fn standing(self, full_at: u64, now: u64, more: u32) -> Standing {
        let owed = full_at.saturating_sub(now);
        let remaining = self.room(full_at, now).saturating_add(more).min(self.burst);
        let wait = if remaining > 0 { 0 } else { (owed + self.interval()).saturating_sub(self.span()) };
        Standing {
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
        /// However requests come, no window lets through more than the burst and what the rate gives meanwhile.
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

        /// Nobody is refused who asks when they were told to, and nobody let in who asks earlier.
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
