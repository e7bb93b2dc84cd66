//! What a request was charged, for its answer: how the tightest bucket stands, and the place that the request has until its
//! answer has gone.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::limits::{Place, Standing};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Dropped with a request that is answered no more.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    tightest: Option<Standing>,
    place: Option<Place>,
}

impl Charge {
    pub(super) fn note(&mut self, standing: Standing) {
        if self.tightest.is_none_or(|known| standing.remaining < known.remaining) {
            self.tightest = Some(standing);
        }
    }

    pub(super) fn hold(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// Tells of it, and goes with an answer to its end.
    pub(crate) fn follow(self, mut answer: Response) -> Response {
        if let Some(standing) = self.tightest {
            tell(answer.headers_mut(), standing);
        }
        match self.place {
            Some(place) if !answer.body().is_end_stream() => {
                answer.map(|body| Body::new(Held { body, _place: place }))
            }
            _ => answer,
        }
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

/// The body of an answer, and the place of its request.
struct Held {
    body: Body,
    _place: Place,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
