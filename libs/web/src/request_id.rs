//! Request ids: one id per request, in every service, log line, history entry and event. A client's own id is kept
//! separately: it is untrusted, and never stored in the database.

use std::{convert::Infallible, future::Future};

use axum::extract::{FromRequestParts, Request};
use http::{HeaderName, HeaderValue, Response, request::Parts};
use uuid::{Uuid, fmt::Hyphenated};

use crate::Proxies;

/// Header with the request id, of requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Header that echoes the client's own request id.
const CLIENT: HeaderName = HeaderName::from_static("x-client-request-id");
/// Maximum length of a client's request id.
const MAX_CLIENT_ID: usize = 128;

tokio::task_local! {
    static CURRENT: Uuid;
}

/// Id of the current request.
#[derive(Debug, Clone, Copy)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// Generates a new id (UUID version 7).
    #[expect(clippy::new_without_default, reason = "each is another")]
    #[must_use]
    pub fn new() -> Self {
        Self(kernel::unique_id())
    }

    /// Returns the id that was assigned before, or the one that a trusted proxy sent (for a service, its gateway),
    /// or a new one. Clients cannot choose it, because it is stored in the account's history.
    pub(crate) fn from_request(request: &Request, proxies: &Proxies) -> Self {
        if let Some(given) = request.extensions().get::<Self>() {
            return *given;
        }
        let sent = request.headers().get(REQUEST_ID).filter(|_| proxies.sent(request));
        let sent = sent.and_then(|value| value.to_str().ok()?.parse().ok());
        sent.map_or_else(Self::new, Self)
    }

    /// Id of the request that the current task serves; `None` outside of a request.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|id| Self(*id)).ok()
    }

    /// Id of the current request; a new one outside of a request.
    #[must_use]
    pub fn current_or_new() -> Self {
        Self::current().unwrap_or_else(Self::new)
    }

    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self.0, work).await
    }

    /// Runs `work` with this id as the current one.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.0, work)
    }

    /// Header value of the id.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        let mut text = [0; Hyphenated::LENGTH];
        let text = self.0.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")) // always ASCII
    }

    /// Sets the response header with the id.
    pub fn mark<B>(self, response: &mut Response<B>) {
        response.headers_mut().insert(REQUEST_ID, self.header());
    }

    /// Sets the response header, unless it was set already: a response that no handler gave has none.
    pub fn mark_unmarked<B>(self, response: &mut Response<B>) {
        response.headers_mut().entry(REQUEST_ID).or_insert_with(|| self.header());
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::current_or_new())
    }
}

/// A client's own request id: 1 to 128 visible ASCII characters. Included in logs, traces and the response,
/// besides ours.
#[derive(Debug, Clone)]
pub struct ClientRequestId(HeaderValue);

impl ClientRequestId {
    /// Reads the client's `X-Request-Id`, unless it is the id of the request itself.
    #[must_use]
    pub fn new(request: &Request, id: RequestId) -> Option<Self> {
        if let Some(given) = request.extensions().get::<Self>() {
            return Some(given.clone());
        }
        let sent = request.headers().get(REQUEST_ID)?;
        let is_fit =
            (1..=MAX_CLIENT_ID).contains(&sent.len()) && sent.as_bytes().iter().all(u8::is_ascii_graphic);
        (is_fit && *sent != id.header()).then(|| Self(sent.clone()))
    }

    /// The id as text; always ASCII.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default() // always ASCII
    }

    /// Sets the response header with the client's id.
    pub fn mark<B>(self, response: &mut Response<B>) {
        response.headers_mut().insert(CLIENT, self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::{body::Body, extract::ConnectInfo};
    use kernel::Env;

    use super::*;

    fn request(peer: &str, sent: &str) -> Request {
        let peer: SocketAddr = peer.parse().unwrap();
        Request::builder().header(REQUEST_ID, sent).extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
    }

    fn gateways() -> Proxies {
        Proxies::read(&mut Env::from_values([("NEXO_TRUSTED_PROXIES".to_owned(), "10.0.0.0/8".to_owned())]))
    }

    #[test]
    fn only_the_gateway_sets_the_request_id() {
        let sent = Uuid::now_v7();
        let (gateway, stranger) =
            (request("10.0.0.2:1", &sent.to_string()), request("192.0.2.1:1", &sent.to_string()));
        let id = RequestId::from_request(&gateway, &gateways());
        assert_eq!(id.0, sent);
        assert!(ClientRequestId::new(&gateway, id).is_none(), "it is ours");
        let id = RequestId::from_request(&stranger, &gateways());
        assert_ne!(id.0, sent);
        assert_eq!(ClientRequestId::new(&stranger, id).unwrap().text(), sent.to_string());
        assert_ne!(RequestId::from_request(&gateway, &Proxies::default()).0, sent, "no gateway is named");
    }

    #[test]
    fn a_clients_own_id_is_short_and_visible() {
        let of = |sent: &str| ClientRequestId::new(&request("192.0.2.1:1", sent), RequestId::new());
        assert_eq!(of("trace<42>").unwrap().text(), "trace<42>");
        for unfit in ["", "a b", "a\tb", &"x".repeat(129)] {
            assert!(of(unfit).is_none(), "{unfit:?}");
        }
    }
}
