//! One id for a request, through every service, log line, history entry and event; and beside it the id that its client has
//! given it, which is the client's own word and goes into no row.

use std::{convert::Infallible, future::Future};

use axum::extract::{FromRequestParts, Request};
use http::{HeaderName, HeaderValue, Response, request::Parts};
use uuid::{Uuid, fmt::Hyphenated};

use crate::Proxies;

/// The header that carries it, in and out.
pub(crate) const HEADER: &str = "x-request-id";
/// The header by which a client hears its own id again.
const CLIENT: HeaderName = HeaderName::from_static("x-client-request-id");
/// No id of a client is longer.
const MAX_CLIENT_ID: usize = 128;

tokio::task_local! {
    static CURRENT: Uuid;
}

/// The id of the request that is being answered.
#[derive(Debug, Clone, Copy)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "each is another")]
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// What it was given before; or what one of `proxies` says, which is a gateway's id where a service names its gateways;
    /// or a new one. Nobody else chooses an id: it stands in the history of an account, as ours.
    pub(crate) fn of(request: &Request, proxies: &Proxies) -> Self {
        if let Some(given) = request.extensions().get::<Self>() {
            return *given;
        }
        let sent = request.headers().get(HEADER).filter(|_| proxies.sent(request));
        let sent = sent.and_then(|value| value.to_str().ok()?.parse().ok());
        sent.map_or_else(Self::new, Self)
    }

    /// The id of the request that this task answers; none outside of one.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|id| Self(*id)).ok()
    }

    /// The id of the request that is being served; a new one where none is.
    #[must_use]
    pub fn current_or_new() -> Self {
        Self::current().unwrap_or_else(Self::new)
    }

    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self.0, work).await
    }

    /// Does `work` for the request of this id.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.0, work)
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

/// What a client calls its request: 1 to 128 visible ASCII characters. It is in logs, traces and the answer, beside ours.
#[derive(Debug, Clone)]
pub struct ClientRequestId(HeaderValue);

impl ClientRequestId {
    /// The client's `X-Request-Id`, unless it is that of the request itself.
    #[must_use]
    pub fn of(request: &Request, id: RequestId) -> Option<Self> {
        if let Some(given) = request.extensions().get::<Self>() {
            return Some(given.clone());
        }
        let sent = request.headers().get(HEADER)?;
        let is_fit =
            (1..=MAX_CLIENT_ID).contains(&sent.len()) && sent.as_bytes().iter().all(u8::is_ascii_graphic);
        (is_fit && *sent != id.header()).then(|| Self(sent.clone()))
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default() // it is ASCII
    }

    /// Tells the client.
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
        Request::builder().header(HEADER, sent).extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
    }

    fn gateways() -> Proxies {
        Proxies::read(&mut Env::of([("NEXO_TRUSTED_PROXIES".to_owned(), "10.0.0.0/8".to_owned())]))
    }

    #[test]
    fn a_gateway_is_believed_and_nobody_else() {
        let sent = Uuid::now_v7();
        let (gateway, stranger) =
            (request("10.0.0.2:1", &sent.to_string()), request("192.0.2.1:1", &sent.to_string()));
        let id = RequestId::of(&gateway, &gateways());
        assert_eq!(id.0, sent);
        assert!(ClientRequestId::of(&gateway, id).is_none(), "it is ours");
        let id = RequestId::of(&stranger, &gateways());
        assert_ne!(id.0, sent);
        assert_eq!(ClientRequestId::of(&stranger, id).unwrap().text(), sent.to_string());
        assert_ne!(RequestId::of(&gateway, &Proxies::default()).0, sent, "no gateway is named");
    }

    #[test]
    fn a_clients_own_id_is_short_and_visible() {
        let of = |sent: &str| ClientRequestId::of(&request("192.0.2.1:1", sent), RequestId::new());
        assert_eq!(of("trace<42>").unwrap().text(), "trace<42>");
        for unfit in ["", "a b", "a\tb", &"x".repeat(129)] {
            assert!(of(unfit).is_none(), "{unfit:?}");
        }
    }
}
