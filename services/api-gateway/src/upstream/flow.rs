use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Times, instances::Flight};

/// The body of an answer: its instance is busy until it has gone, and it goes on neither for ever nor in long pauses.
///
/// `TimeoutBody` and `DeadlineBody` of tower-http do that too, with two timers for each answer; most have come whole with
/// their heads, and this sets none for those.
pub(super) struct Flow {
    body: Incoming,
    times: Times,
    end: Instant,
    pause: Option<Pin<Box<Sleep>>>,
    _flight: Flight,
}

impl Flow {
    pub(super) fn body(body: Incoming, flight: Flight, times: Times) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self { body, times, end: Instant::now() + times.whole, pause: None, _flight: flight })
    }
}

impl HttpBody for Flow {
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
