//! Requests to a service, and whether they can be retried.

use std::{error::Error as StdError, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use http::{HeaderMap, HeaderName, Method, header::IF_MATCH, uri::PathAndQuery};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use tokio::time::timeout;
use tower_http::timeout::{TimeoutBody, TimeoutError};
use web::{Error, Result};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Maximum size of a body that is buffered before it is sent: then a slow client occupies no service, and a retry
/// is possible.
const KEPT: u64 = 64 * 1024;
/// Timeout for buffering a body.
const WHOLE: Duration = Duration::from_secs(20);

/// Limits of a request body.
#[derive(Debug, Clone, Copy)]
pub struct BodyBounds {
    /// Maximum size in bytes.
    pub bytes: usize,
    /// Maximum pause between two chunks.
    pub pause: Duration,
    /// Total timeout, if it is longer than that of other requests; then it also applies to the response.
    pub patience: Option<Duration>,
}

/// A request to send to a service.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) bounds: BodyBounds,
    body: Payload,
}

enum Payload {
    Kept(Bytes),
    Streamed(Body),
}

impl BodyBounds {
    /// Limits of a request without a body.
    const NONE: Self = Self { bytes: 0, pause: Duration::ZERO, patience: None };
}

impl Outgoing {
    /// Creates a request without a body.
    pub(crate) fn new(method: Method, path: &'static str) -> Self {
        let (path, headers) = (PathAndQuery::from_static(path), HeaderMap::new());
        Self { method, path, headers, bounds: BodyBounds::NONE, body: Payload::Kept(Bytes::new()) }
    }

    /// Converts an incoming request, with its body within `bounds`.
    pub(crate) async fn from_request(request: Request, bounds: BodyBounds) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.into_parts().path_and_query.unwrap_or(PathAndQuery::from_static("/"));
        let body = Payload::read(body, bounds).await?;
        Ok(Self { method: parts.method, path, headers: parts.headers, bounds, body })
    }

    /// Copies the request for a retry; `None` if its body was streamed.
    pub(crate) fn copy(&self) -> Option<Self> {
        let Payload::Kept(body) = &self.body else { return None };
        let (method, path, headers) = (self.method.clone(), self.path.clone(), self.headers.clone());
        Some(Self { method, path, headers, bounds: self.bounds, body: Payload::Kept(body.clone()) })
    }

    /// Whether the body was complete before sending, so that the client cannot be the cause of a failure.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.body, Payload::Kept(_))
    }

    /// Whether a retry has the same effect and the same response (idempotent). A write with `If-Match` does not
    /// qualify: its retry would fail because of its own first attempt.
    pub(super) fn is_repeatable(&self) -> bool {
        match self.method {
            Method::GET | Method::HEAD | Method::OPTIONS => true,
            Method::PUT | Method::DELETE => !self.headers.contains_key(IF_MATCH),
            Method::POST => self.headers.contains_key(IDEMPOTENCY_KEY),
            _ => false,
        }
    }

    pub(super) fn into_parts(self) -> (Method, PathAndQuery, HeaderMap, Body) {
        let body = match self.body {
            Payload::Kept(body) if body.is_empty() => Body::empty(),
            Payload::Kept(body) => Body::from(body),
            Payload::Streamed(body) => body,
        };
        (self.method, self.path, self.headers, body)
    }
}

impl Payload {
    async fn read(body: Body, bounds: BodyBounds) -> Result<Self> {
        if body.is_end_stream() {
            return Ok(Self::Kept(Bytes::new()));
        }
        let is_small = body.size_hint().upper().is_some_and(|size| size <= KEPT);
        let body = Limited::new(TimeoutBody::new(bounds.pause, body), bounds.bytes).map_err(FromClient);
        if !is_small {
            return Ok(Self::Streamed(Body::new(body)));
        }
        let whole = timeout(WHOLE, body.collect()).await.map_err(|_| Error::Slow)?;
        let whole = whole.map_err(|error| error.fault(bounds.bytes))?;
        Ok(Self::Kept(whole.to_bytes()))
    }
}

/// The client's body could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the body of a request could not be read")]
struct FromClient(#[source] Box<dyn StdError + Send + Sync>);

impl FromClient {
    fn fault(&self, limit: usize) -> Error {
        if self.0.is::<LengthLimitError>() {
            Error::TooLarge(limit)
        } else if causes(&*self.0).any(<dyn StdError>::is::<TimeoutError>) {
            Error::Slow
        } else {
            Error::of_body(&*self.0)
        }
    }
}

/// Fault of the client's body, if it caused this error.
pub(super) fn fault_of_client(error: &(dyn StdError + 'static), limit: usize) -> Option<Error> {
    causes(error).find_map(|cause| cause.downcast_ref::<FromClient>()).map(|cause| cause.fault(limit))
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
