//! Builds a service from its operations: API document, health checks, limits, and problems for unknown paths and
//! methods.

use std::{any::Any, time::Duration};

use ::telemetry::Span;
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, MatchedPath, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use db::Db;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    ClientAddress, ClientRequestId, Dependency, Error, Json, Meter, Proxies, ROUTE, RequestId, Upload,
    begin_trace,
    conditional::IfNoneMatch,
    end_trace,
    extract::{BODY_LIMIT, uncoded},
    health, openapi,
    respond::private,
    telemetry::route,
};

/// Options of a service, with the limits of every request.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// Timeout for a response.
    pub patience: Duration,
    /// Maximum size of a request body in bytes.
    pub body_limit: usize,
    /// Proxies that are trusted with the client address.
    pub proxies: Proxies,
    /// Dependencies besides the database.
    pub beside: Vec<Dependency>,
    /// Service name, for metrics and the `x-nexo-route` header. Empty: neither.
    pub service: &'static str,
}

impl Default for ServiceOptions {
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

/// Builds the router of a service, and its API document, which is also served at `/openapi.json`.
pub fn into_service<S>(api: OpenApiRouter<S>, app: S, title: &str, edges: ServiceOptions) -> (Router, OpenApi)
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
    (with_limits(router, edges), document)
}

/// Adds request id, timeout, size limit, and problems for unknown paths and methods to a router.
pub fn with_limits(router: Router, edges: ServiceOptions) -> Router {
    let meter = (!edges.service.is_empty()).then(|| Meter::new(edges.service));
    let bounds = middleware::from_fn(move |mut request: Request, next: Next| {
        ClientAddress::mark(&mut request, &edges.proxies);
        let watched = meter.clone().map(|meter| (meter, begin_trace(&request, &edges.proxies)));
        measured(watched, RequestId::from_request(&request, &edges.proxies), edges.patience, request, next)
    });
    router
        .fallback(async || Error::NotFound("this path"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        // A single layer, outermost first: each layer clones its content for every request.
        .layer((bounds, DefaultBodyLimit::max(edges.body_limit), CatchPanicLayer::custom(panicked)))
}

/// Records the metrics and the trace span of a request.
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

/// Sets the request's id and log span, and enforces the timeout.
async fn answer(id: RequestId, patience: Duration, request: Request, next: Next) -> Response {
    let clients = ClientRequestId::new(&request, id);
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let traced = Span::current();
    if traced.is_recording() {
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
    let seen = IfNoneMatch::from_headers(&request);
    let answered = id.scope(async {
        let start = tokio::time::Instant::now();
        let patience =
            Upload::new(request.method(), request.uri().path()).map_or(patience, |file| file.patience);
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
        response = seen.or_not_modified(response);
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

/// Whether responses with this status carry `Retry-After`.
fn wants_a_wait(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

#[expect(clippy::needless_pass_by_value, reason = "tower-http asks for this signature")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::Internal(format!("a handler panicked: {words}").into()).into_response()
}
