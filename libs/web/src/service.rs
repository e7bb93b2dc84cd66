//! Builds a service from its operations: API document, health checks, limits, and problems for unknown paths and
//! methods.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, MatchedPath, Request},
    middleware::{self, Next},
    routing::get,
};
use db::Db;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Dependency, Error, Json, Proxies, RequestBounds, extract::BODY_LIMIT, health, openapi, telemetry::route,
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
    let bounds = RequestBounds::new(edges.patience, edges.proxies, edges.service);
    let bounds = middleware::from_fn(move |request: Request, next: Next| {
        let bounds = bounds.clone();
        async move {
            let route = route(&request);
            let route = route.as_ref().map_or("", MatchedPath::as_str);
            bounds.answer(route, request, |request| next.run(request)).await
        }
    });
    router
        .fallback(async || Error::NotFound("this path"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        // A single layer, outermost first: each layer clones its content for every request.
        .layer((bounds, DefaultBodyLimit::max(edges.body_limit)))
}
