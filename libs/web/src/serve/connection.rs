//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse as _, Response},
};
use futures::future::Either;
use http::{
    HeaderValue, Request, StatusCode,
    header::{CONNECTION, TRANSFER_ENCODING},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::net::TcpStream;
use tower::Service as _;

use super::{Bounds, socket::Watched};
use crate::{Error, Health, Json};

/// A request line and its headers: a token has up to 16 KiB.
const HEAD: usize = 32 * 1024;
/// What is read of a connection ahead of its use, and written ahead of its client.
const BUFFER: usize = 64 * 1024;

/// What all connections of a listener share.
pub(super) struct Place {
    router: Router,
    protocol: http1::Builder,
    is_leaving: Arc<AtomicBool>,
}

impl Place {
    pub(super) fn new(router: Router, bounds: &Bounds) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.idle)
            .max_header_size(HEAD)
            .max_buf_size(BUFFER);
        Self { router, protocol, is_leaving: Arc::default() }
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
        let is_doubtful = Arc::new(AtomicBool::new(false));
        let socket = Watched::new(stream, Arc::clone(&is_doubtful));
        let caller = Caller {
            router: self.router.clone(),
            peer,
            is_doubtful,
            is_leaving: Arc::clone(&self.is_leaving),
        };
        self.protocol.serve_connection(TokioIo::new(socket), service_fn(move |request| caller.ask(request)))
    }
}

/// Whoever is at the other end.
struct Caller {
    router: Router,
    peer: SocketAddr,
    /// Whether a head came in that can be read in two ways.
    is_doubtful: Arc<AtomicBool>,
    is_leaving: Arc<AtomicBool>,
}

impl Caller {
    fn ask(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let refused = self.refusal(&request);
        // What follows a body in chunks is not looked at for doubts, and so not at all.
        let is_last = refused.is_some() || request.headers().contains_key(TRANSFER_ENCODING);
        let answered = if let Some(refused) = refused {
            Either::Left(std::future::ready(Ok(refused)))
        } else {
            request.extensions_mut().insert(ConnectInfo(self.peer));
            Either::Right(self.router.clone().call(request.map(Body::new)))
        };
        let is_leaving = Arc::clone(&self.is_leaving);
        async move {
            let mut response = answered.await?;
            if is_last || is_leaving.load(Ordering::Relaxed) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Response> {
        if self.is_doubtful.load(Ordering::Relaxed) {
            let doubt = "the end of this request can be read in two ways".to_owned();
            return Some(Error::Malformed(doubt).into_response());
        }
        let asks_whether_ready = || request.uri().path() == "/health/ready";
        (self.is_leaving.load(Ordering::Relaxed) && asks_whether_ready())
            .then(|| (StatusCode::SERVICE_UNAVAILABLE, Json(Health::down())).into_response())
    }
}
