//! What is around everything that the gateway does: refusals that need no look at the request's purpose, what browsers are
//! told, who may call from where, and the access log.

mod access;
mod armour;
mod compress;
mod cors;
pub(crate) mod hops;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method};
use tower::util::option_layer;
use web::{Error, RequestId};

use access::Line;
pub(crate) use armour::transport;
pub(crate) use cors::cors;

use crate::Config;

/// A longer path with its query asks for nothing that we have.
const LONGEST: usize = 8 * 1024;

/// Puts the edge around a router.
pub(crate) fn around(router: Router, config: &Config) -> Router {
    let edge = from_fn_with_state(config.transport.clone(), answer);
    // One layer of the router, outermost first: a page must be able to read a problem as well.
    router.layer((edge, option_layer(config.cors.clone()), compress::layer()))
}

async fn answer(State(transport): State<Option<HeaderValue>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id);
    let line = Line::of(&request, id);
    let path = request.uri().path();
    let is_docs = path == "/docs" || path.starts_with("/docs/");
    let mut response = match refusal(&request) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    id.mark(&mut response);
    armour::put_on(response.headers_mut(), is_docs, transport.as_ref());
    match line {
        Some(line) => line.follow(response),
        None => response,
    }
}

/// What nobody asks of us with good intentions.
fn refusal(request: &Request) -> Option<Error> {
    let (method, uri) = (request.method(), request.uri());
    if [Method::TRACE, Method::CONNECT].contains(method) {
        return Some(Error::MethodNotAllowed);
    }
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    (length > LONGEST).then_some(Error::PathTooLong(LONGEST))
}
