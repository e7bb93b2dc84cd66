//! Result of rate limiting for the response: the state of the tightest bucket, and the concurrency permits, which
//! are held until the response was sent.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Body as _;
use rate_limit::{BucketState, ConcurrencyPermit};

use crate::body_guard::{BodyGuard, carrying};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Dropped with a request that is no longer answered.
#[derive(Debug, Default)]
pub(crate) struct RateLimitCharge {
    tightest: Option<BucketState>,
    places: ConcurrencyPermits,
}

/// Concurrency permits of a request: of its account and of its address.
#[derive(Debug, Default)]
pub(crate) struct ConcurrencyPermits {
    pub(crate) of_account: Option<ConcurrencyPermit>,
    pub(crate) _of_address: Option<ConcurrencyPermit>,
}

impl RateLimitCharge {
    pub(crate) fn note(&mut self, standing: BucketState) {
        if self.tightest.is_none_or(|known| standing.remaining < known.remaining) {
            self.tightest = Some(standing);
        }
    }

    pub(crate) fn hold(&mut self, places: ConcurrencyPermits) {
        self.places = places;
    }

    /// Adds the headers, and attaches the permits to the response until it was sent.
    pub(crate) fn follow(self, mut answer: Response) -> Response {
        if let Some(standing) = self.tightest {
            tell(answer.headers_mut(), standing);
        }
        if self.places.of_account.is_none() || answer.body().is_end_stream() {
            return answer;
        }
        answer.map(|body| carrying(body, self.places))
    }
}

fn tell(headers: &mut HeaderMap, standing: BucketState) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(whole_seconds(standing.reset)));
}

/// Whole seconds, rounded up, so that the wait is long enough.
pub(crate) fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

impl BodyGuard for ConcurrencyPermits {}
