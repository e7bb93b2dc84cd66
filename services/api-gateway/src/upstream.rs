//! The services behind the gateway, over kept connections.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, Uri, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// A service on our own network answers a connection at once, or is not there.
const CONNECT: Duration = Duration::from_secs(2);
/// Shorter than the services keep them, so that a request seldom meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(20);
/// How long a service may take to tell about itself.
const ASK: Duration = Duration::from_secs(2);
/// No document of ours is larger.
const LARGEST: usize = 4 * 1024 * 1024;

/// Where requests go, and the connections that take them there.
#[derive(Clone)]
pub struct Upstreams {
    client: Client<HttpConnector, Body>,
    addresses: Arc<Addresses>,
}

struct Addresses {
    auth: Uri,
    crm: Uri,
}

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Auth,
    Crm,
}

impl Service {
    pub(crate) const ALL: [Self; 2] = [Self::Auth, Self::Crm];

    /// Whose path this is.
    pub(crate) fn of(path: &str) -> Self {
        const AUTH: [&str; 3] = ["/api/v1/auth/", "/api/v1/oidc-connections", "/.well-known/"];
        if AUTH.iter().any(|start| path.starts_with(start)) { Self::Auth } else { Self::Crm }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth-service",
            Self::Crm => "crm-service",
        }
    }
}

impl Upstreams {
    /// Services at these addresses.
    #[must_use]
    pub fn new(auth: Uri, crm: Uri) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { client, addresses: Arc::new(Addresses { auth, crm }) }
    }

    /// Sends a request on, as it is but for its address.
    pub(crate) async fn send(
        &self,
        to: Service,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, Error> {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = self.address(to, path);
        *request.version_mut() = http::Version::HTTP_11;
        self.client.request(request).await
    }

    /// What a service says at `path`, if it says it soon.
    pub(crate) async fn ask(&self, service: Service, path: &'static str) -> Option<Bytes> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static(path);
        tokio::time::timeout(ASK, async {
            let answer =
                self.send(service, request).await.ok().filter(|answer| answer.status().is_success())?;
            Limited::new(answer.into_body(), LARGEST)
                .collect()
                .await
                .ok()
                .map(http_body_util::Collected::to_bytes)
        })
        .await
        .ok()
        .flatten()
    }

    fn address(&self, service: Service, path: Option<PathAndQuery>) -> Uri {
        let base = match service {
            Service::Auth => &self.addresses.auth,
            Service::Crm => &self.addresses.crm,
        };
        let mut parts = base.clone().into_parts();
        parts.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_else(|_| base.clone()) // the settings saw to scheme and authority
    }
}
