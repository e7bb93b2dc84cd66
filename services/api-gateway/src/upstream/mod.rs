//! Upstream services, over a pool of persistent connections.

mod breaker;
mod connection;
mod early;
mod endpoints;
mod meters;
mod outgoing;
mod pool;
mod resolver;
mod service;
mod trace;
mod upstream_body;

use std::{
    error::Error as StdError,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Request, Response, header::HOST, uri::Authority};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use tokio::time::{sleep, timeout};

pub use breaker::BreakerConfig;
use connection::Exchanged;
use early::Connector;
use endpoints::{EndpointPool, InFlight};
pub use outgoing::BodyBounds;
pub(crate) use outgoing::Outgoing;
use outgoing::fault_of_client;
use pool::{ExchangeError, IDLE};
use resolver::RoundRobinResolver;
pub(crate) use service::Service;
use upstream_body::UpstreamBody;

use web::LogThrottle;

use crate::access_record::AccessRecord;

/// Connect timeout: a service in our own network accepts at once, or is down.
const CONNECT: Duration = Duration::from_secs(2);
/// Delay before a retry on the same address: a killed process loses its connections slightly before its port is
/// free.
const KILLED_PROCESS_GRACE: Duration = Duration::from_millis(100);
/// Timeout for health checks and API documents of a service.
const ASK: Duration = Duration::from_secs(2);
/// Maximum size of such a response.
const MAX_BUFFERED_BYTES: usize = 4 * 1024 * 1024;

static LATE_LOG: LogThrottle = LogThrottle::unwritten();

/// Upstream services, with their connections.
#[derive(Clone)]
pub struct Upstreams {
    times: UpstreamTimeouts,
    services: Arc<Services>,
}

/// Timeouts of an upstream request.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamTimeouts {
    /// Until response headers, and between two chunks of the body.
    pub head: Duration,
    /// Until the end of the response.
    pub whole: Duration,
}

struct Services {
    auth: EndpointPool,
    crm: EndpointPool,
}

/// Reason why a service did not respond.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no instance of {0} is up")]
    NobodyIsUp(&'static str),
    #[error("{0} did not answer in time")]
    TimedOut(Authority),
    #[error("{0} did not answer")]
    Broken(Authority, #[source] ExchangeError),
}

impl Upstreams {
    /// Creates the pools for services at these addresses. Requires a Tokio runtime.
    #[must_use]
    pub fn new(auth: &[Authority], crm: &[Authority], times: UpstreamTimeouts, rules: BreakerConfig) -> Self {
        let connector = connector();
        let of =
            |service: Service, addresses| EndpointPool::new(service.name(), addresses, rules, &connector);
        let services = Services { auth: of(Service::Auth, auth), crm: of(Service::Crm, crm) };
        let services = Arc::new(services);
        tokio::spawn(expire(Arc::downgrade(&services)));
        Self { times, services }
    }

    /// Forwards a request unchanged except for its address; retries once if the request was lost and is
    /// repeatable.
    pub(crate) async fn send(
        &self,
        to: Service,
        outgoing: Outgoing,
        trail: &mut AccessRecord,
    ) -> Result<Response<Body>, Failure> {
        let instances = match to {
            Service::Auth => &self.services.auth,
            Service::Crm => &self.services.crm,
        };
        let mut flight = instances.choose().ok_or_else(|| {
            let failure = Failure::NobodyIsUp(to.name());
            instances.meters.failed(&failure, Duration::ZERO);
            failure
        })?;
        let again = outgoing.copy();
        let failure = match self.attempt(&mut flight, outgoing, trail).await {
            Ok(exchanged) => return Ok(self.answer(exchanged, flight)),
            Err(failure) => failure,
        };
        let again =
            again.filter(|again| failure.is_before_sending() || failure.is_loss() && again.is_repeatable());
        let Some(again) = again else { return Err(failure) };
        // The request was lost and is safe to retry, but no other instance is up: answer 503 so that the client
        // retries.
        let mut next = instances.choose_after(&flight).ok_or(Failure::NobodyIsUp(to.name()))?;
        if failure.is_loss() && !failure.is_before_sending() && next.address() == flight.address() {
            sleep(KILLED_PROCESS_GRACE).await;
        }
        drop(flight);
        instances.meters.tried_again();
        tracing::debug!(%failure, upstream = %next.address(), "a request is sent again");
        let exchanged = self.attempt(&mut next, again, trail).await?;
        Ok(self.answer(exchanged, next))
    }

    fn answer(&self, (answer, connection): Exchanged, flight: InFlight) -> Response<Body> {
        answer.map(|body| UpstreamBody::body(body, connection, flight, self.times))
    }

    /// Sends the request to one instance, and records the outcome. A failure that a slow client may have caused is
    /// not recorded.
    async fn attempt(
        &self,
        flight: &mut InFlight,
        mut outgoing: Outgoing,
        trail: &mut AccessRecord,
    ) -> Result<Exchanged, Failure> {
        let (start, address, is_whole) = (Instant::now(), flight.address().clone(), outgoing.is_whole());
        trail.upstream = Some(address.clone());
        let patience = outgoing.bounds.patience.unwrap_or(self.times.head);
        let span = trace::asking(&address, &mut outgoing);
        outgoing.headers.insert(HOST, flight.pool().host());
        let answered = timeout(patience, flight.pool().exchange(request(outgoing))).await;
        trace::answered(&span, &answered);
        let time = start.elapsed();
        trail.waited += time;
        let failure = match answered {
            Ok(Ok(answer)) => {
                flight.succeeded(time);
                return Ok(answer);
            }
            Ok(Err(error)) => Failure::Broken(address, error),
            Err(_) => Failure::TimedOut(address),
        };
        flight.meters().failed(&failure, time);
        if is_whole || failure.is_before_sending() {
            flight.failed();
        }
        Err(failure)
    }

    /// Fetches `path` from a service; `None` on failure or timeout.
    pub(crate) async fn ask(&self, service: Service, path: &'static str) -> Option<Bytes> {
        timeout(ASK, async {
            let outgoing = Outgoing::new(http::Method::GET, path);
            let answer = self.send(service, outgoing, &mut AccessRecord::default()).await.ok();
            let answer = answer.filter(|answer| answer.status().is_success())?;
            let said = Limited::new(answer.into_body(), MAX_BUFFERED_BYTES).collect().await;
            said.ok().map(http_body_util::Collected::to_bytes)
        })
        .await
        .ok()
        .flatten()
    }
}

fn request(outgoing: Outgoing) -> Request<Body> {
    let (method, path, headers, body) = outgoing.into_parts();
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.into();
    *request.headers_mut() = headers;
    request
}

/// Opens the connections to services.
fn connector() -> Connector {
    let mut connector = Connector::new_with_resolver(RoundRobinResolver::new());
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    connector
}

/// Closes idle connections in time, as long as the services are in use.
async fn expire(services: Weak<Services>) {
    while let Some(services) = services.upgrade() {
        services.auth.expire();
        services.crm.expire();
        drop(services);
        sleep(IDLE / 4).await;
    }
}

impl Failure {
    /// Whether the request was not sent at all.
    fn is_before_sending(&self) -> bool {
        matches!(self, Self::Broken(_, ExchangeError::Connect(_)))
    }

    /// Whether the connection ended without a response.
    fn is_loss(&self) -> bool {
        matches!(self, Self::Broken(..))
    }

    /// Maps the failure: 503 if the service is down, 502 for an invalid response, 504 for a timeout; or a fault of
    /// the client's body.
    pub(crate) fn told(self, limit: usize) -> web::Error {
        match &self {
            Self::NobodyIsUp(_) => web::Error::Unavailable(self.into()),
            Self::TimedOut(_) => {
                if let Some(left_out) = LATE_LOG.now() {
                    let error = &self as &dyn StdError;
                    tracing::warn!(error, left_out, "a request could not be served");
                }
                web::Error::TimedOut
            }
            Self::Broken(_, error) => match fault_of_client(error, limit) {
                Some(fault) => fault,
                None if self.is_before_sending() => web::Error::Unavailable(self.into()),
                None => web::Error::BadGateway(self.into()),
            },
        }
    }
}
