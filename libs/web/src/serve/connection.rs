//! One connection, from its first byte to its last.

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
    BodyRate, Bounds,
    received::{Fate, Received},
    refused::MAX_HEAD,
    socket::{Refusal, Watched},
};
use crate::{Health, Json};

/// What is read of a connection ahead of its use, and written ahead of its client.
const BUFFER: usize = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Place {
    router: Router,
    protocol: http1::Builder,
    body: BodyRate,
    is_leaving: Arc<AtomicBool>,
}

impl Place {
    pub(super) fn new(router: Router, bounds: &Bounds) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.idle)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER);
        Self { router, protocol, body: bounds.body, is_leaving: Arc::default() }
    }

    /// From now on nobody is told that we are ready, and every answer ends its connection.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Answers the requests of a connection.
    pub(super) fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl GracefulConnection<Error = hyper::Error> + Send + use<> {
        // Small answers must not wait for more to come.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let refusal = Refusal::default();
        let socket = Watched::new(stream, Arc::clone(&refusal));
        let caller = Caller {
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

/// Whoever is at the other end.
struct Caller {
    router: Router,
    peer: SocketAddr,
    body: BodyRate,
    /// How many requests have come.
    asked: AtomicU64,
    refusal: Refusal,
    is_leaving: Arc<AtomicBool>,
}

impl Caller {
    fn ask(&self, request: Request<Incoming>) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let refused = self.refusal.get().filter(|(refused, _)| *refused == number).map(|(_, why)| *why);
        // What follows a body in chunks is not looked at, and so not answered.
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

/// A request as the router takes it, and the fate of its body, if it has one.
fn received(
    request: Request<Incoming>,
    peer: SocketAddr,
    rate: BodyRate,
) -> (Request<Body>, Option<Arc<Fate>>) {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(ConnectInfo(peer));
    if body.is_end_stream() {
        return (Request::from_parts(parts, Body::empty()), None);
    }
    let (body, fate) = Received::new(body, rate);
    (Request::from_parts(parts, Body::new(body)), Some(fate))
}

/// The connection ends with this answer, and says so.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
