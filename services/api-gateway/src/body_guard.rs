//! Guards that are attached to a response body until it was sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// A guard of a body, dropped when the body was sent or the client has disconnected.
pub(crate) trait BodyGuard: Send + Unpin + 'static {
    /// Called when this number of bytes was sent.
    fn sent(&mut self, _: usize) {}
}

/// A body with its guard.
struct GuardedBody<C> {
    body: Body,
    with: C,
}

/// Attaches a guard to a body.
pub(crate) fn carrying(body: Body, with: impl BodyGuard) -> Body {
    Body::new(GuardedBody { body, with })
}

impl<C: BodyGuard> HttpBody for GuardedBody<C> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.with.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
