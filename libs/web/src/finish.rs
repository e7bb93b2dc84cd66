//! From a service's operations to a router that can be served: document, health, bounds, and problems for what no
//! operation takes.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, MatchedPath, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use db::Db;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use signals::Span;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Beside, ClientAddress, ClientRequestId, Error, Json, Meter, Proxies, ROUTE, RequestId, Upload,
    begin_trace, conditional::Seen, end_trace, extract::uncoded, health, openapi, telemetry::route,
};

/// No body of ours is larger: a record has a few kilobytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// What bounds every request.
#[derive(Debug, Clone)]
pub struct Edges {
    /// How long an answer may take.
    pub patience: Duration,
    /// How large a body may be, in bytes.
    pub body_limit: usize,
    /// Whose word about the client's address is believed.
    pub proxies: Proxies,
    /// What the service needs beside its database.
    pub beside: Vec<Beside>,
    /// Whose requests are counted, and told by their routes to whoever forwards them: a service's name; nobody's, if empty.
    pub service: &'static str,
}

impl Default for Edges {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(15),
            body_limit: BODY_LIMIT,
            proxies: Proxies::default(),
            beside: Vec::new(),
            service: "",
        }
    }
}

/// The router of a service, and its API document: served at `/openapi.json` as well.
pub fn finish<S>(api: OpenApiRouter<S>, app: S, title: &str, edges: Edges) -> (Router, OpenApi)
where
    S: Clone + Send + Sync + 'static,
    Db: FromRef<S>,
{
    let (router, mut document) = api.split_for_parts();
    openapi::describe(&mut document, title);
    let served = document.clone();
    let router = router
        .route("/openapi.json", get(async move || Json(served)))
        .merge(health::routes(edges.beside.clone()))
        .with_state(app);
    (shield(router, edges), document)
}

/// Puts the bounds around a router: request id, time, size, and a problem for what it does not know.
pub fn shield(router: Router, edges: Edges) -> Router {
    let meter = (!edges.service.is_empty()).then(|| Meter::of(edges.service));
    let bounds = middleware::from_fn(move |mut request: Request, next: Next| {
        ClientAddress::mark(&mut request, &edges.proxies);
        let watched = meter.clone().map(|meter| (meter, begin_trace(&request, &edges.proxies)));
        measured(watched, RequestId::of(&request, &edges.proxies), edges.patience, request, next)
    });
    router
        .fallback(async || Error::NotFound("this path"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        // One layer of the router, outermost first: each costs every request a copy of all that is in it.
        .layer((bounds, DefaultBodyLimit::max(edges.body_limit), CatchPanicLayer::custom(panicked)))
}

/// Counts the request, and traces it.
async fn measured(
    watched: Option<(Meter, Span)>,
    id: RequestId,
    patience: Duration,
    request: Request,
    next: Next,
) -> Response {
    let Some((meter, span)) = watched else { return answer(id, patience, request, next).await };
    let (route, method) = (route(&request), request.method().clone());
    let running = meter.begin(&method, route.clone());
    let mut response = span.within(answer(id, patience, request, next)).await;
    running.answered(response.status(), None);
    end_trace(&span, &method, route.as_ref().map_or("", MatchedPath::as_str), &response);
    if let Some(route) = route {
        response.headers_mut().insert(ROUTE, meter.header(route.as_str()));
    }
    response
}

/// Gives the request its id and its span, and bounds its time.
async fn answer(id: RequestId, patience: Duration, request: Request, next: Next) -> Response {
    let clients = ClientRequestId::of(&request, id);
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let traced = Span::current();
    if traced.is_on() {
        traced.set("request.id", id.0.to_string());
        if let Some(clients) = &clients {
            traced.set("client.request_id", clients.text().to_owned());
        }
    }
    let span = tracing::info_span!(
        "request",
        request.id = %id.0,
        client.request_id = clients.as_ref().map(ClientRequestId::text),
        http.method = %request.method(),
        http.route = route,
        trace.id = traced.trace_id(),
        account.id = tracing::field::Empty,
        user.id = tracing::field::Empty,
    );
    let seen = Seen::of(&request);
    let answered = id.scope(async {
        let start = tokio::time::Instant::now();
        let patience =
            Upload::of(request.method(), request.uri().path()).map_or(patience, |file| file.patience);
        let response = match uncoded(request.headers()) {
            Ok(()) => tokio::time::timeout(patience, next.run(request))
                .await
                .unwrap_or_else(|_| Error::TimedOut.into_response()),
            Err(refused) => refused.into_response(),
        };
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(http.status = response.status().as_u16(), duration_ms, "answered");
        response
    });
    let mut response = answered.instrument(span).await;
    if let Some(seen) = seen {
        response = seen.spare(response);
    }
    id.mark(&mut response);
    if let Some(clients) = clients {
        clients.mark(&mut response);
    }
    if wants_a_wait(response.status()) {
        response.headers_mut().entry(RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
    }
    private(response.headers_mut());
    response
}

/// Not now: whoever is told so is told as well when to ask again.
fn wants_a_wait(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// An answer is for whoever asked, unless it says otherwise: no cache keeps it, and no browser guesses what it is.
pub(crate) fn private(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[expect(clippy::needless_pass_by_value, reason = "tower-http asks for this signature")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::Internal(format!("a handler panicked: {words}").into()).into_response()
}
