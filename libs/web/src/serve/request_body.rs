//! Request bodies: enforces the minimum rate, and tracks whether the body was read completely when the response is
//! ready.

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

use super::{BodyRate, minimum_rate::MinimumRate};

/// Maximum number of unread bytes to discard, so that the connection can be reused.
const DRAIN_BYTES: u64 = 64 * 1024;
/// Timeout for discarding: the rest has arrived or is in transit.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// A request body as the handler reads it.
pub(super) struct RequestBody {
    /// `None` once the body was dropped.
    body: Option<Incoming>,
    pace: MinimumRate,
    fate: Arc<BodyOutcome>,
}

/// Outcome of a request body, known after the handler.
#[derive(Default)]
pub(super) struct BodyOutcome {
    is_over: AtomicBool,
    /// The rest of a body that was not read completely.
    left: Mutex<Option<Incoming>>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, rate: BodyRate) -> (Self, Arc<BodyOutcome>) {
        let fate = Arc::<BodyOutcome>::default();
        (Self { body: Some(body), pace: MinimumRate::new(rate), fate: Arc::clone(&fate) }, fate)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.fate.is_over.load(Ordering::Relaxed) {
            *self.fate.left.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}

impl Body for RequestBody {
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

impl BodyOutcome {
    /// Whether the body was read completely, or its rest could be discarded. A client that waits for `100
    /// Continue` (`Expect`) does not get it: the body is no longer needed.
    pub(super) async fn is_over(&self, was_expected: bool) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        match left {
            Some(body) if !was_expected => timeout(DRAIN_TIMEOUT, drained(body)).await.unwrap_or(false),
            _ => false, // it is still being read
        }
    }
}

async fn drained(mut body: Incoming) -> bool {
    if body.size_hint().lower() > DRAIN_BYTES {
        return false;
    }
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len) as u64;
        if read > DRAIN_BYTES {
            return false;
        }
    }
    true
}
