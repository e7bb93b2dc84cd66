//! Outer layer of the gateway: early rejections, security headers, CORS, compression and the access log.

mod access;
mod compress;
mod cors;
pub(crate) mod hop_by_hop;
mod security_headers;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderValue, Method,
    header::{ACCEPT_ENCODING, ALLOW},
};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use web::{ClientRequestId, Error, Meter, Proxies, RequestId, begin_trace, end_trace};

use access::AccessLogEntry;
pub(crate) use cors::cors;
pub(crate) use security_headers::transport;

use crate::access_record::AccessRecord;

/// Maximum length of a path with its query.
const MAX_URI_BYTES: usize = 8 * 1024;
/// Methods that are forwarded at all; the service decides which ones a path accepts.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// The outer layer, for all requests.
#[derive(Clone)]
pub(crate) struct Edge(Arc<Inner>);

struct Inner {
    cors: Option<CorsLayer>,
    transport: Option<HeaderValue>,
    proxies: Proxies,
    meter: Meter,
}

impl Edge {
    /// Creates the layer; `transport` is the header `Strict-Transport-Security`.
    pub(crate) fn new(cors: Option<CorsLayer>, transport: Option<HeaderValue>, proxies: Proxies) -> Self {
        Self(Arc::new(Inner { cors, transport, proxies, meter: Meter::new("api-gateway") }))
    }

    /// Wraps a router in the layer.
    pub(crate) fn around(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(
            self.clone(),
            async |State(edge): State<Self>, request: Request, next: Next| {
                edge.answer(request, |request| next.run(request)).await
            },
        ))
    }

    /// Answers a request with the response of `run`.
    pub(crate) async fn answer<F: Future<Output = Response>>(
        &self,
        mut request: Request,
        run: impl FnOnce(Request) -> F,
    ) -> Response {
        let id = RequestId::new(); // ours, whatever the client sends: it is stored in the history of accounts
        request.extensions_mut().insert(id);
        let clients = ClientRequestId::new(&request, id);
        if let Some(clients) = clients.clone() {
            request.extensions_mut().insert(clients);
        }
        compress::negotiate(request.headers_mut());
        let line = AccessLogEntry::from_request(&request, id, clients.as_ref());
        let (method, own) = (request.method().clone(), own_route(&request));
        let measured = self.0.meter.begin(&method, own.clone());
        let span = begin_trace(&request, &self.0.proxies);
        let path = request.uri().path();
        let is_docs = path == "/docs" || path.starts_with("/docs/");
        let mut response = match id.within(|| refusal(&request)) {
            Some(refused) => refused,
            None => span.within(self.with_cors(request, run)).await,
        };
        let told = told_route(&response);
        measured.answered(response.status(), told);
        let route = told.or(own.as_ref().map(MatchedPath::as_str)).unwrap_or_default();
        end_trace(&span, &method, route, &response);
        id.mark_unmarked(&mut response);
        if let Some(clients) = clients {
            clients.mark(&mut response);
        }
        let transport = self.0.transport.as_ref();
        security_headers::add_security_headers(response.headers_mut(), is_docs, transport);
        match line {
            Some(line) => line.follow(response),
            None => response,
        }
    }

    /// Adds the CORS headers, also to errors: a page must be able to read them. Answers preflight requests.
    async fn with_cors<F: Future<Output = Response>>(
        &self,
        request: Request,
        run: impl FnOnce(Request) -> F,
    ) -> Response {
        let Some(cors) = &self.0.cors else { return compressed(request, run).await };
        let mut run = Some(run);
        let answers = service_fn(|request| {
            let run = run.take();
            async {
                Ok::<_, Infallible>(match run {
                    Some(run) => compressed(request, run).await,
                    None => Response::default(), // it is called once
                })
            }
        });
        let Ok(response) = cors.layer(answers).oneshot(request).await;
        response
    }
}

async fn compressed<F: Future<Output = Response>>(
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    let accepted = request.headers().get(ACCEPT_ENCODING).cloned();
    compress::compress(accepted, run(request).await).await
}

/// Route of the gateway's own endpoints. Wildcard routes are excluded, because clients choose their paths.
fn own_route(request: &Request) -> Option<MatchedPath> {
    request.extensions().get::<MatchedPath>().filter(|route| !route.as_str().contains("{*")).cloned()
}

/// Route reported by the service; empty if no service was reached.
fn told_route(response: &Response) -> Option<&str> {
    let trail = response.extensions().get::<AccessRecord>()?;
    Some(trail.route.as_ref().and_then(|route| route.to_str().ok()).unwrap_or_default())
}

/// Rejects requests that no legitimate client sends.
fn refusal(request: &Request) -> Option<Response> {
    let (method, uri) = (request.method(), request.uri());
    if [Method::TRACE, Method::CONNECT].contains(method) {
        return Some(not_allowed(METHODS));
    }
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    (length > MAX_URI_BYTES).then(|| Error::PathTooLong(MAX_URI_BYTES).into_response())
}

/// Response 405 with `Allow` (RFC 9110, 15.5.6).
pub(crate) fn not_allowed(methods: HeaderValue) -> Response {
    ([(ALLOW, methods)], Error::MethodNotAllowed).into_response()
}
