//! What is around everything that the gateway does: refusals that need no look at the request's purpose, what browsers are
//! told, who may call from where, and the access log.

mod access;
mod armour;
pub(crate) mod carried;
mod compress;
mod cors;
pub(crate) mod hops;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method, header::ALLOW};
use tower::util::option_layer;
use web::{ClientRequestId, Error, Meter, Proxies, RequestId, begin_trace, end_trace};

use access::Line;
pub(crate) use armour::transport;
pub(crate) use cors::cors;

use crate::{Config, trail::Trail};

/// A longer path with its query asks for nothing that we have.
const LONGEST: usize = 8 * 1024;
/// What is passed on at all; which of them a path takes, its service says.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Puts the edge around a router.
pub(crate) fn around(router: Router, config: &Config) -> Router {
    let (transport, proxies) = (config.transport.clone(), config.proxies.clone());
    let edge = Edge { transport, proxies, meter: Meter::of("api-gateway") };
    let edge = from_fn_with_state(edge, answer);
    // One layer of the router, outermost first: a page must be able to read a problem as well.
    router.layer((edge, option_layer(config.cors.clone()), compress::layer()))
}

#[derive(Clone)]
struct Edge {
    transport: Option<HeaderValue>,
    proxies: Proxies,
    meter: Meter,
}

async fn answer(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(); // whatever a client says: ours is in the history of accounts
    request.extensions_mut().insert(id);
    let clients = ClientRequestId::of(&request, id);
    if let Some(clients) = clients.clone() {
        request.extensions_mut().insert(clients);
    }
    compress::negotiate(request.headers_mut());
    let line = Line::of(&request, id, clients.as_ref());
    let (method, own) = (request.method().clone(), own_route(&request));
    let measured = edge.meter.begin(&method, own.clone());
    let span = begin_trace(&request, &edge.proxies);
    let path = request.uri().path();
    let is_docs = path == "/docs" || path.starts_with("/docs/");
    let mut response = match id.within(|| refusal(&request)) {
        Some(refused) => refused,
        None => span.within(next.run(request)).await,
    };
    let told = told_route(&response);
    measured.answered(response.status(), told);
    end_trace(&span, &method, told.or(own.as_ref().map(MatchedPath::as_str)).unwrap_or_default(), &response);
    id.mark(&mut response);
    if let Some(clients) = clients {
        clients.mark(&mut response);
    }
    armour::put_on(response.headers_mut(), is_docs, edge.transport.as_ref());
    match line {
        Some(line) => line.follow(response),
        None => response,
    }
}

/// Of what the gateway answers by itself. Behind a wildcard are paths that clients choose.
fn own_route(request: &Request) -> Option<MatchedPath> {
    request.extensions().get::<MatchedPath>().filter(|route| !route.as_str().contains("{*")).cloned()
}

/// Of what a service was asked for, as it says: what never reached one has none.
fn told_route(response: &Response) -> Option<&str> {
    let trail = response.extensions().get::<Trail>()?;
    Some(trail.route.as_ref().and_then(|route| route.to_str().ok()).unwrap_or_default())
}

/// What nobody asks of us with good intentions.
fn refusal(request: &Request) -> Option<Response> {
    let (method, uri) = (request.method(), request.uri());
    if [Method::TRACE, Method::CONNECT].contains(method) {
        return Some(not_allowed(METHODS));
    }
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    (length > LONGEST).then(|| Error::PathTooLong(LONGEST).into_response())
}

/// 405, and what would have been taken (RFC 9110, 15.5.6).
pub(crate) fn not_allowed(methods: HeaderValue) -> Response {
    ([(ALLOW, methods)], Error::MethodNotAllowed).into_response()
}
