use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{UpstreamTimeouts, endpoints::InFlight};

/// Response body that keeps its instance marked as busy until it was sent, and enforces the total and idle
/// timeouts.
///
/// `TimeoutBody` and `DeadlineBody` of tower-http would need two timers per response. Most bodies arrive together
/// with their headers, and need none here.
pub(super) struct UpstreamBody {
    body: Incoming,
    times: UpstreamTimeouts,
    end: Instant,
    pause: Option<Pin<Box<Sleep>>>,
    _flight: InFlight,
}

impl UpstreamBody {
    pub(super) fn body(body: Incoming, flight: InFlight, times: UpstreamTimeouts) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self { body, times, end: Instant::now() + times.whole, pause: None, _flight: flight })
    }
}

impl HttpBody for UpstreamBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let now = Instant::now();
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.pause = None;
            let is_late = frame.is_some() && now > self.end;
            return Poll::Ready(if is_late {
                Some(Err(late()))
            } else {
                frame.map(|frame| frame.map_err(Into::into))
            });
        }
        let until = self.end.min(now + self.times.head);
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep_until(until)));
        pause.as_mut().poll(cx).map(|()| Some(Err(late())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn late() -> axum::BoxError {
    io::Error::new(io::ErrorKind::TimedOut, "a service did not finish its answer in time").into()
}
