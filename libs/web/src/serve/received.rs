//! The body of a request: how fast it comes, and whether all of it was read when the answer is there.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{BoxError, body::Bytes};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::{BodyRate, pace::Pace};

/// What nobody wanted is read up to this, so that the connection can go on.
const REST: u64 = 64 * 1024;
/// It is here, or on its way.
const PATIENCE: Duration = Duration::from_millis(100);

/// A body on its way to whoever reads it.
pub(super) struct Received {
    /// Until it is dropped.
    body: Option<Incoming>,
    pace: Pace,
    fate: Arc<Fate>,
}

/// What becomes of a body.
#[derive(Default)]
pub(super) struct Fate {
    is_over: AtomicBool,
    /// What was not read to its end.
    left: Mutex<Option<Incoming>>,
}

impl Received {
    pub(super) fn new(body: Incoming, rate: BodyRate) -> (Self, Arc<Fate>) {
        let fate = Arc::<Fate>::default();
        (Self { body: Some(body), pace: Pace::new(rate), fate: Arc::clone(&fate) }, fate)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.fate.is_over.load(Ordering::Relaxed) {
            *self.fate.left.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, pace, fate } = &mut *self;
        let Some(body) = body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
            let slow = ready!(pace.waits(cx));
            return Poll::Ready(Some(Err(slow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            pace.came(frame.data_ref().map_or(0, Bytes::len));
        }
        if frame.is_none() || body.is_end_stream() {
            fate.is_over.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Fate {
    /// Whether all of the body was read, or has now been. A client that waits to be told to send it (`Expect`) is not told:
    /// nobody wants it any more.
    pub(super) async fn is_over(&self, was_expected: bool) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        match left {
            Some(body) if !was_expected => timeout(PATIENCE, drained(body)).await.unwrap_or(false),
            _ => false, // somebody still reads it
        }
    }
}

async fn drained(mut body: Incoming) -> bool {
    if body.size_hint().lower() > REST {
        return false;
    }
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len) as u64;
        if read > REST {
            return false;
        }
    }
    true
}
