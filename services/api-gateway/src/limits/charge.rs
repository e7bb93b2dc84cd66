//! What a request was charged, for its answer: how the tightest bucket stands, and the place that the request has until its
//! answer has gone.

use std::time::Duration;

use ::limits::{Place, Standing};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Body as _;

use crate::edge::carried::{Carry, carrying};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Dropped with a request that is answered no more.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    tightest: Option<Standing>,
    places: Held,
}

/// The places of a request, of its account and of its address.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) of_account: Option<Place>,
    pub(super) _of_address: Option<Place>,
}

impl Charge {
    pub(super) fn note(&mut self, standing: Standing) {
        if self.tightest.is_none_or(|known| standing.remaining < known.remaining) {
            self.tightest = Some(standing);
        }
    }

    pub(super) fn hold(&mut self, places: Held) {
        self.places = places;
    }

    /// Tells of it, and goes with an answer to its end.
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

fn tell(headers: &mut HeaderMap, standing: Standing) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(whole_seconds(standing.reset)));
}

/// Rounded up: after so many it is so.
pub(super) fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

impl Carry for Held {}
