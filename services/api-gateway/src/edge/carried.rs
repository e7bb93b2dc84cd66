//! An answer on its way, and what goes with it to its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Goes with an answer, and is dropped when that has gone, or its client has.
pub(crate) trait Carry: Send + Unpin + 'static {
    /// So many bytes of it have gone.
    fn sent(&mut self, _: usize) {}
}

/// A body with what it carries.
struct Carried<C> {
    body: Body,
    with: C,
}

/// The same body, which carries this.
pub(crate) fn carrying(body: Body, with: impl Carry) -> Body {
    Body::new(Carried { body, with })
}

impl<C: Carry> HttpBody for Carried<C> {
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
