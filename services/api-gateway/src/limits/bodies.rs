//! What an account may send in bodies. A long body costs the services as much as many short ones, so it is charged as many:
//! a permit for each 32 KiB beyond the first, at the rate of writes, at each gateway. Files are bounded where they are taken.

use std::sync::Arc;

use ::limits::{Limiter, Rate};
use axum::{body::Body, extract::Request};
use hyper::body::Body as _;
use kernel::AccountId;
use web::{Result, Upload};

use super::{Limits, allowed, tenant::Tenant};
use crate::edge::carried::{Carry, carrying};

/// What a permit is good for, and every request may send without one.
const BYTES_OF_PERMIT: u64 = 32 * 1024;

const BODIES: &str = "this account sends too many long bodies; wait as long as Retry-After says";

impl Limits {
    /// Charges an account for the body of a request. One whose length is not told is charged as it passes.
    pub(crate) async fn charge_body(&self, account: AccountId, request: Request) -> Result<Request> {
        let length = request.body().size_hint().exact();
        let is_short = length.is_some_and(|length| length <= BYTES_OF_PERMIT);
        if is_short || Upload::of(request.method(), request.uri().path()).is_some() {
            return Ok(request);
        }
        let (tenant, known) = self.plans.of(account).await;
        let rate = known.plan.writes;
        let decision = self.limiter.take_on_credit(&tenant.bodies, rate, length.map_or(0, permits));
        allowed(decision, BODIES)?;
        Ok(if length.is_some() { request } else { self.metered(request, tenant, rate) })
    }

    fn metered(&self, request: Request, tenant: Arc<Tenant>, rate: Rate) -> Request {
        let meter = Meter { limiter: self.limiter.clone(), tenant, rate, passed: 0 };
        request.map(|body: Body| carrying(body, meter))
    }
}

/// Goes with a body, and charges for what has passed of it.
struct Meter {
    limiter: Limiter,
    tenant: Arc<Tenant>,
    rate: Rate,
    passed: u64,
}

impl Carry for Meter {
    fn sent(&mut self, bytes: usize) {
        let before = permits(self.passed);
        self.passed = self.passed.saturating_add(bytes as u64);
        let more = permits(self.passed) - before;
        if more > 0 {
            self.limiter.owe(&self.tenant.bodies, self.rate, more);
        }
    }
}

/// How many permits so many bytes cost.
fn permits(bytes: u64) -> u32 {
    let all = bytes.div_ceil(BYTES_OF_PERMIT);
    u32::try_from(all.saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_a_body_costs_nothing_and_each_other_a_permit() {
        let costs = [0, 1, 32_768, 32_769, 65_536, 65_537, 1_048_576].map(permits);
        assert_eq!(costs, [0, 0, 0, 1, 1, 2, 31]);
    }
}
