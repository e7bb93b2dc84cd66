//! The services behind the gateway, over kept connections.

mod breaker;
mod early;
mod flow;
mod instances;
mod meters;
mod names;
mod outgoing;
mod service;
mod trace;

use std::{
    error::Error as StdError,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{
    Request, Response, Uri, Version,
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{sleep, timeout};

pub use breaker::Rules;
use early::Early;
use flow::Flow;
use instances::{Flight, Instances};
use names::InTurn;
pub use outgoing::BodyBounds;
pub(crate) use outgoing::Outgoing;
use outgoing::fault_of_client;
pub(crate) use service::Service;

use web::Seldom;

use crate::trail::Trail;

/// A service on our own network answers a connection at once, or is not there.
const CONNECT: Duration = Duration::from_secs(2);
/// Shorter than the services keep them, so that a request seldom meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(20);
/// A process that is killed has lost its connections a moment before its port is free: after that, nobody is there.
const DEATH: Duration = Duration::from_millis(100);
/// How long a service may take to tell about itself.
const ASK: Duration = Duration::from_secs(2);
/// No document of ours is larger.
const LARGEST: usize = 4 * 1024 * 1024;

static LATE: Seldom = Seldom::unwritten();

/// Where requests go, and the connections that take them there.
#[derive(Clone)]
pub struct Upstreams {
    client: Client<Early, Body>,
    times: Times,
    services: Arc<Services>,
}

/// How long a service may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until its answer begins, and between two pieces of it.
    pub head: Duration,
    /// For all of its answer.
    pub whole: Duration,
}

struct Services {
    auth: Instances,
    crm: Instances,
}

/// Why a service has not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no instance of {0} is up")]
    NobodyIsUp(&'static str),
    #[error("{0} did not answer in time")]
    TimedOut(Authority),
    #[error("{0} did not answer")]
    Broken(Authority, #[source] Error),
}

impl Upstreams {
    /// Services at these addresses.
    #[must_use]
    pub fn new(auth: &[Authority], crm: &[Authority], times: Times, rules: Rules) -> Self {
        let mut connector = HttpConnector::new_with_resolver(InTurn::new());
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Early::new(connector));
        let of = |service: Service, addresses| Instances::new(service.name(), addresses, rules);
        let services = Services { auth: of(Service::Auth, auth), crm: of(Service::Crm, crm) };
        Self { client, times, services: Arc::new(services) }
    }

    /// Sends a request on, as it is but for its address; a second time where the first was lost and that is as good.
    pub(crate) async fn send(
        &self,
        to: Service,
        outgoing: Outgoing,
        trail: &mut Trail,
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
            Ok(answer) => return Ok(answer.map(|body| Flow::body(body, flight, self.times))),
            Err(failure) => failure,
        };
        let again =
            again.filter(|again| failure.is_before_sending() || failure.is_loss() && again.is_repeatable());
        let Some(again) = again else { return Err(failure) };
        // Lost, and as good a second time, which nobody is there for: whoever asks may ask again.
        let mut next = instances.choose_after(&flight).ok_or(Failure::NobodyIsUp(to.name()))?;
        if failure.is_loss() && !failure.is_before_sending() && next.address() == flight.address() {
            sleep(DEATH).await;
        }
        drop(flight);
        instances.meters.tried_again();
        tracing::debug!(%failure, upstream = %next.address(), "a request is sent again");
        let answer = self.attempt(&mut next, again, trail).await?;
        Ok(answer.map(|body| Flow::body(body, next, self.times)))
    }

    /// Asks one instance, and judges it; but not where a client that sends at its own pace may be the cause.
    async fn attempt(
        &self,
        flight: &mut Flight,
        mut outgoing: Outgoing,
        trail: &mut Trail,
    ) -> Result<Response<hyper::body::Incoming>, Failure> {
        let (start, address, is_whole) = (Instant::now(), flight.address().clone(), outgoing.is_whole());
        trail.upstream = Some(address.clone());
        let patience = outgoing.bounds.patience.unwrap_or(self.times.head);
        let span = trace::asking(&address, &mut outgoing);
        let answered = timeout(patience, self.client.request(request(&address, outgoing))).await;
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

    /// What a service says at `path`, if it says it soon.
    pub(crate) async fn ask(&self, service: Service, path: &'static str) -> Option<Bytes> {
        timeout(ASK, async {
            let outgoing = Outgoing::new(http::Method::GET, path);
            let answer = self.send(service, outgoing, &mut Trail::default()).await.ok();
            let answer = answer.filter(|answer| answer.status().is_success())?;
            let said = Limited::new(answer.into_body(), LARGEST).collect().await;
            said.ok().map(http_body_util::Collected::to_bytes)
        })
        .await
        .ok()
        .flatten()
    }
}

fn request(address: &Authority, outgoing: Outgoing) -> Request<Body> {
    let (method, path, headers, body) = outgoing.into_parts();
    let mut parts = http::uri::Parts::default();
    (parts.scheme, parts.authority, parts.path_and_query) =
        (Some(Scheme::HTTP), Some(address.clone()), Some(path));
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default(); // all three are there
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    request
}

impl Failure {
    /// Nothing of the request has reached anybody.
    fn is_before_sending(&self) -> bool {
        matches!(self, Self::Broken(_, error) if error.is_connect())
    }

    /// A connection has ended without an answer.
    fn is_loss(&self) -> bool {
        matches!(self, Self::Broken(..))
    }

    /// Not there: 503. There, and answering nonsense or not in time: 502, 504. Or the client sent too much, or too slowly.
    pub(crate) fn told(self, limit: usize) -> web::Error {
        match &self {
            Self::NobodyIsUp(_) => web::Error::Unavailable(self.into()),
            Self::TimedOut(_) => {
                if let Some(left_out) = LATE.now() {
                    let error = &self as &dyn StdError;
                    tracing::warn!(error, left_out, "a request could not be served");
                }
                web::Error::TimedOut
            }
            Self::Broken(_, error) => match fault_of_client(error, limit) {
                Some(fault) => fault,
                None if error.is_connect() => web::Error::Unavailable(self.into()),
                None => web::Error::BadGateway(self.into()),
            },
        }
    }
}
