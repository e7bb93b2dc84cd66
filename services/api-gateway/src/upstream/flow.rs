use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use pin_project_lite::pin_project;
use tower_http::timeout::{DeadlineBody, TimeoutBody};

use super::{Times, instances::Flight};

pin_project! {
    /// The body of an answer: its instance is busy until it has gone, and it goes on neither for ever nor in long pauses.
    pub(super) struct Flow {
        #[pin]
        body: DeadlineBody<TimeoutBody<Incoming>>,
        flight: Flight,
    }
}

impl Flow {
    pub(super) fn body(body: Incoming, flight: Flight, times: &Times) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        let body = DeadlineBody::new(times.whole, TimeoutBody::new(times.head, body));
        Body::new(Self { body, flight })
    }
}

impl HttpBody for Flow {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.project().body.poll_frame(cx)
    }
}
