//! Leases: permits taken from Redis in advance, so that requests need no round trip.

use std::time::Duration;

use crate::Rate;

/// Maximum lease, as the time in which its permits accrue. It makes requests cost a fraction of a call, while
/// unused permits of several gateways stay a small part of a second's worth.
const WORTH: Duration = Duration::from_millis(20);
/// Divisor of the burst for the maximum lease.
const PART: u32 = 10;
/// Life of a lease in nanoseconds; unused permits expire. Infrequent requests thus lease one permit at a time.
pub(crate) const LIFE: u64 = 1_000_000_000;

/// Leased permits that are available locally.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    left: u32,
    until: u64,
    /// Size of the last lease request; doubled while leases are used up in time.
    size: u32,
}

impl Lease {
    pub(crate) fn left(&self, now: u64) -> u32 {
        if now < self.until { self.left } else { 0 }
    }

    pub(crate) fn take(&mut self, now: u64) -> bool {
        let is_there = self.left(now) > 0;
        if is_there {
            self.left -= 1;
        }
        is_there
    }

    pub(crate) fn give_back(&mut self) {
        self.left += 1;
    }

    /// Number of permits to lease next, with this number of waiting requests.
    pub(crate) fn want(&mut self, rate: Rate, waiting: u32, now: u64) -> u32 {
        let most = rate.in_time(WORTH).min(rate.burst() / PART).max(1);
        let was_used_up = self.left == 0 && now < self.until;
        self.size = if was_used_up { self.size.saturating_mul(2).clamp(1, most) } else { 1 };
        self.size.max(waiting).min(rate.burst())
    }

    pub(crate) fn renew(&mut self, granted: u32, now: u64) {
        (self.left, self.until) = (granted, now + LIFE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_grows_with_use_and_is_one_permit_for_rare_requests() {
        let rate = Rate::new(30_000, 500);
        let mut lease = Lease::default();
        let mut wanted = Vec::new();
        for now in [1, 2, 3, 4, 5, 6, LIFE, 3 * LIFE] {
            let want = lease.want(rate, 1, now);
            lease.renew(want, now);
            if now != LIFE {
                while lease.take(now) {}
            }
            wanted.push(want);
        }
        assert_eq!(wanted, [1, 2, 4, 8, 10, 10, 10, 1]);
    }

    #[test]
    fn no_lease_is_a_large_part_of_the_bucket_but_waiting_requests_are_counted() {
        let mut lease = Lease { left: 0, until: LIFE, size: 1000 };
        assert_eq!(lease.want(Rate::new(60_000, 40), 1, 1), 4);
        assert_eq!(lease.want(Rate::new(60_000, 40), 30, 1), 30);
        assert_eq!(lease.want(Rate::new(60_000, 40), 300, 1), 40);
        assert_eq!(lease.want(Rate::new(60, 40), 0, 1), 1);
    }

    #[test]
    fn what_is_not_used_in_time_is_gone() {
        let mut lease = Lease::default();
        lease.renew(5, 0);
        assert!(lease.take(LIFE - 1) && !lease.take(LIFE));
    }
}
