use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{UpstreamTimeouts, connection::UpstreamConnection, endpoints::InFlight};

/// Response body that drives its connection, keeps its instance marked as busy until it was received, and enforces
/// the total and idle timeouts.
///
/// `TimeoutBody` and `DeadlineBody` of tower-http would need two timers per response. Most bodies arrive together
/// with their headers: they need none of this, and free the connection at once.
pub(super) struct UpstreamBody {
    body: Incoming,
    /// `None` once it has ended, or is idle again.
    connection: Option<Box<UpstreamConnection>>,
    times: UpstreamTimeouts,
    end: Instant,
    pause: Option<Pin<Box<Sleep>>>,
    flight: InFlight,
}

impl UpstreamBody {
    pub(super) fn body(
        body: Incoming,
        connection: Option<Box<UpstreamConnection>>,
        flight: InFlight,
        times: UpstreamTimeouts,
    ) -> Body {
        match connection {
            Some(connection) if connection.is_free() => flight.pool().put(connection),
            None => {}
            connection => {
                let end = Instant::now() + times.whole;
                return Body::new(Self { body, connection, times, end, pause: None, flight });
            }
        }
        if body.is_end_stream() { Body::empty() } else { Body::new(body) }
    }

    /// Lets the connection receive, and keeps it when nothing more comes.
    fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        if connection.drive(cx).is_ready() {
            self.connection = None;
        } else if connection.is_free() {
            self.free();
        }
    }

    fn free(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.flight.pool().put(connection);
        }
    }
}

/// A client may not read to the end what has been received.
impl Drop for UpstreamBody {
    fn drop(&mut self) {
        self.free();
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
        self.drive(cx);
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
