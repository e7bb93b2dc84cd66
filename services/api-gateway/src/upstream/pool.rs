//! Idle connections to one address.

use std::{
    collections::VecDeque,
    error::Error as StdError,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{
    HeaderValue, Request, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use tokio::runtime::{Handle, Id};
use tower::Service as _;

use super::{
    connection::{Exchanged, UpstreamConnection},
    early::{Connector, EarlyStream},
};

/// Maximum idle time of a connection, shorter than that of the services, to avoid races with their closing.
pub(super) const IDLE: Duration = Duration::from_secs(20);

/// Reason why an address did not respond.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("no connection could be opened")]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the connection ended without a response")]
    Lost(#[source] hyper::Error),
}

/// Opens connections to one address, and keeps them for the next requests.
pub(super) struct ConnectionPool {
    to: Uri,
    /// `Host` header for this address.
    host: HeaderValue,
    connector: Connector,
    /// Those of all runtimes, the longest unused first.
    idle: Mutex<VecDeque<IdleConnection>>,
}

struct IdleConnection {
    connection: Box<UpstreamConnection>,
    /// Runtime that receives the events of its socket. A request in another one would be woken across threads.
    runtime: Id,
    since: Instant,
}

impl ConnectionPool {
    pub(super) fn new(address: &Authority, connector: Connector) -> Self {
        let mut parts = http::uri::Parts::default();
        (parts.scheme, parts.authority, parts.path_and_query) =
            (Some(Scheme::HTTP), Some(address.clone()), Some(PathAndQuery::from_static("/")));
        let to = Uri::from_parts(parts).unwrap_or_default(); // all three parts are valid
        Self { to, host: host(address), connector, idle: Mutex::default() }
    }

    /// `Host` header of requests to this address.
    pub(super) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    /// Sends a request over an idle connection, or a new one. A request of which nothing was sent, because the
    /// service had closed its idle connection, takes the next one.
    pub(super) async fn exchange(&self, mut request: Request<Body>) -> Result<Exchanged, ExchangeError> {
        while let Some(connection) = self.take() {
            match connection.exchange(request).await {
                Ok(exchanged) => return Ok(exchanged),
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(ExchangeError::Lost(failure.into_error())),
                },
            }
        }
        let connection = self.connect().await?;
        connection.exchange(request).await.map_err(|failure| ExchangeError::Lost(failure.into_error()))
    }

    async fn connect(&self) -> Result<Box<UpstreamConnection>, ExchangeError> {
        let connecting = self.connector.clone().call(self.to.clone());
        let socket = connecting.await.map_err(|error| ExchangeError::Connect(error.into()))?;
        UpstreamConnection::open(EarlyStream::new(socket)).await.map_err(ExchangeError::Lost)
    }

    /// Takes the connection of this runtime that was used last, unless it was idle for too long.
    fn take(&self) -> Option<Box<UpstreamConnection>> {
        let here = Handle::current().id();
        let mut idle = self.idle();
        let last = idle.iter().rposition(|one| one.runtime == here)?;
        let last = idle.remove(last)?;
        (last.since.elapsed() < IDLE).then_some(last.connection)
    }

    /// Keeps a connection that is free, and closes any other, as well as all when the runtime ends.
    pub(super) fn put(&self, mut connection: Box<UpstreamConnection>) {
        let Ok(here) = Handle::try_current() else { return };
        if connection.is_free() && connection.rest() {
            let (runtime, since) = (here.id(), Instant::now());
            self.idle().push_back(IdleConnection { connection, runtime, since });
        }
    }

    /// Closes connections that have been idle for too long.
    pub(super) fn expire(&self) {
        let mut idle = self.idle();
        let expired = idle.partition_point(|one| one.since.elapsed() >= IDLE);
        idle.drain(..expired);
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<IdleConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Host` for an address: the default port is left out (RFC 9110, 4.2.3).
fn host(address: &Authority) -> HeaderValue {
    let text = match address.port_u16() {
        Some(80) | None => address.host(),
        Some(_) => address.as_str(),
    };
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")) // an authority is ASCII
}
