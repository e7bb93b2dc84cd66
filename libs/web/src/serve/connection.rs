//! Serving of one connection: inspects, routes and answers its requests.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderValue, Request, StatusCode,
    header::{CONNECTION, EXPECT, RETRY_AFTER, TRANSFER_ENCODING},
};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::net::TcpStream;
use tower::Service as _;

use super::{
    BodyRate, ConnectionLimits,
    refused::MAX_HEAD,
    request_body::{BodyOutcome, RequestBody},
    socket::{InspectedStream, Refusal},
};
use crate::{Health, Json};

/// Size of the read and write buffers of a connection.
const BUFFER: usize = 64 * 1024;

/// State that all connections of a listener share.
pub(super) struct ConnectionServer {
    router: Router,
    protocol: http1::Builder,
    body: BodyRate,
    is_leaving: Arc<AtomicBool>,
}

impl ConnectionServer {
    pub(super) fn new(router: Router, bounds: &ConnectionLimits) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.idle)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER);
        Self { router, protocol, body: bounds.body, is_leaving: Arc::default() }
    }

    /// Starts the shutdown: readiness fails from now on, and every response closes its connection.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Serves the requests of a connection.
    pub(super) fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl GracefulConnection<Error = hyper::Error> + Send + use<> {
        // Disables Nagle's algorithm, so that small responses are sent at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let refusal = Refusal::default();
        let socket = InspectedStream::new(stream, Arc::clone(&refusal));
        let caller = Connection {
            router: self.router.clone(),
            peer,
            body: self.body,
            asked: AtomicU64::new(0),
            refusal,
            is_leaving: Arc::clone(&self.is_leaving),
        };
        self.protocol.serve_connection(TokioIo::new(socket), service_fn(move |request| caller.ask(request)))
    }
}

/// State of one connection.
struct Connection {
    router: Router,
    peer: SocketAddr,
    body: BodyRate,
    /// Number of requests received on this connection.
    asked: AtomicU64,
    refusal: Refusal,
    is_leaving: Arc<AtomicBool>,
}

impl Connection {
    fn ask(&self, request: Request<Incoming>) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let refused = self.refusal.get().filter(|(refused, _)| *refused == number).map(|(_, why)| *why);
        // Bytes after a chunked body are not inspected, and so no further request is served.
        let is_last = refused.is_some() || request.headers().contains_key(TRANSFER_ENCODING);
        let is_leaving = Arc::clone(&self.is_leaving);
        let (mut router, peer, rate) = (self.router.clone(), self.peer, self.body);
        async move {
            if let Some(refused) = refused {
                return Ok(last(refused.answer()));
            }
            if is_leaving.load(Ordering::Relaxed) && request.uri().path() == "/health/ready" {
                let down = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], Json(Health::down()));
                return Ok(last(down.into_response()));
            }
            let was_expected = request.headers().contains_key(EXPECT);
            let (request, fate) = received(request, peer, rate);
            let response = router.call(request).await?;
            let is_open = match fate {
                Some(fate) if !is_last => fate.is_over(was_expected).await,
                _ => true,
            };
            let ends = is_last || !is_open || is_leaving.load(Ordering::Relaxed);
            Ok(if ends { last(response) } else { response })
        }
    }
}

/// Converts a request for the router; returns the outcome of its body, if it has one.
fn received(
    request: Request<Incoming>,
    peer: SocketAddr,
    rate: BodyRate,
) -> (Request<Body>, Option<Arc<BodyOutcome>>) {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(ConnectInfo(peer));
    if body.is_end_stream() {
        return (Request::from_parts(parts, Body::empty()), None);
    }
    let (body, fate) = RequestBody::new(body, rate);
    (Request::from_parts(parts, Body::new(body)), Some(fate))
}

/// Sets `Connection: close` on the last response of a connection.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
