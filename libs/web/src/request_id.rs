//! One id for a request, through every service, log line, history entry and event.

use std::{convert::Infallible, future::Future};

use axum::extract::FromRequestParts;
use http::{HeaderValue, Request, Response, request::Parts};
use uuid::{Uuid, fmt::Hyphenated};

/// The header that carries it, in and out.
pub(crate) const HEADER: &str = "x-request-id";

tokio::task_local! {
    static CURRENT: Uuid;
}

/// The id of the request that is being answered.
#[derive(Debug, Clone, Copy)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// What it was given before; or the caller's id where it is a UUID, since it reaches logs and rows; or a new one.
    pub fn of<B>(request: &Request<B>) -> Self {
        if let Some(given) = request.extensions().get::<Self>() {
            return *given;
        }
        let sent = request.headers().get(HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self(sent.unwrap_or_else(Uuid::now_v7))
    }

    /// The id of the request that this task answers; none outside of one.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|id| Self(*id)).ok()
    }

    /// The id of the request that is being served; a new one where none is.
    #[must_use]
    pub fn current_or_new() -> Self {
        Self::current().unwrap_or_else(|| Self(Uuid::now_v7()))
    }

    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self.0, work).await
    }

    /// As a header's value.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        let mut text = [0; Hyphenated::LENGTH];
        let text = self.0.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")) // a UUID is ASCII
    }

    /// Tells the client.
    pub fn mark<B>(self, response: &mut Response<B>) {
        response.headers_mut().insert(HEADER, self.header());
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::current_or_new())
    }
}
