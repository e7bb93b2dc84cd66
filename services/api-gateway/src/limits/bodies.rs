//! Limits of request bodies per account. A long body costs the services as much as many short requests. So it is
//! charged a permit for each 32 KiB beyond the first, at the write rate, per gateway. File uploads have limits of
//! their own.

use std::sync::Arc;

use axum::{body::Body, extract::Request};
use hyper::body::Body as _;
use rate_limit::{Limiter, Rate};
use web::{Result, Upload};

use super::{Limits, allowed, tenant::AccountLimits};
use crate::{
    body_guard::{BodyGuard, carrying},
    request_context::RequestContext,
};

/// Bytes per permit; the first ones of a request are free.
const BYTES_OF_PERMIT: u64 = 32 * 1024;

const BODIES: &str = "this account sends too many long bodies; wait as long as Retry-After says";

impl Limits {
    /// Charges the account for the body of a request. A body of unknown length is charged while it is forwarded.
    /// That of a public operation is not charged.
    pub(crate) async fn charge_body(&self, context: &RequestContext, request: Request) -> Result<Request> {
        let Some(caller) = &context.caller else { return Ok(request) };
        let length = request.body().size_hint().exact();
        let is_short = length.is_some_and(|length| length <= BYTES_OF_PERMIT);
        if is_short || Upload::new(request.method(), request.uri().path()).is_some() {
            return Ok(request);
        }
        let (tenant, known) = self.plans.get(caller.subject.limit_key()).await;
        let rate = known.plan.writes;
        let decision = self.limiter.take_on_credit(&tenant.bodies, rate, length.map_or(0, permits));
        allowed(decision, BODIES)?;
        Ok(if length.is_some() { request } else { self.metered(request, tenant, rate) })
    }

    fn metered(&self, request: Request, tenant: Arc<AccountLimits>, rate: Rate) -> Request {
        let meter = BodyMeter { limiter: self.limiter.clone(), tenant, rate, passed: 0 };
        request.map(|body: Body| carrying(body, meter))
    }
}

/// Guard that charges for the forwarded bytes of a body.
struct BodyMeter {
    limiter: Limiter,
    tenant: Arc<AccountLimits>,
    rate: Rate,
    passed: u64,
}

impl BodyGuard for BodyMeter {
    fn sent(&mut self, bytes: usize) {
        let before = permits(self.passed);
        self.passed = self.passed.saturating_add(bytes as u64);
        let more = permits(self.passed) - before;
        if more > 0 {
            self.limiter.charge_debt(&self.tenant.bodies, self.rate, more);
        }
    }
}

/// Permits that this number of bytes costs.
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
