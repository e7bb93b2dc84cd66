//! HTTP metrics of a service: number, status and duration of requests.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use axum::extract::MatchedPath;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use metrics::{Gauge, Histogram, gauge, histogram};

/// Header in which a service tells the gateway the matched route. Never sent to clients.
pub const ROUTE: HeaderName = HeaderName::from_static("x-nexo-route");
/// Status for a client that disconnected before the response; as in nginx.
const GONE: u16 = 499;
/// Maximum number of routes; services have a few hundred, so a peer with more is not trusted.
const MAX_ROUTES: usize = 2000;
const MANY: &str = "_OTHER";

/// Records the requests of a service.
#[derive(Clone)]
pub struct Meter(Arc<Inner>);

struct Inner {
    service: &'static str,
    active: Gauge,
    routes: RwLock<HashMap<Box<str>, Route>>,
}

/// A route with cached histograms: looking them up by labels costs more than recording a value.
struct Route {
    header: HeaderValue,
    times: HashMap<(&'static str, u16), Histogram>,
}

/// Measures a request in progress.
pub struct RequestTimer {
    meter: Meter,
    method: &'static str,
    route: Option<MatchedPath>,
    start: Instant,
    status: u16,
}

impl Meter {
    /// Creates the metrics of this service.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        let active = gauge!("http_server_active_requests", "service" => service);
        Self(Arc::new(Inner { service, active, routes: RwLock::default() }))
    }

    /// Starts the measurement of a request.
    #[must_use]
    pub fn begin(&self, method: &Method, route: Option<MatchedPath>) -> RequestTimer {
        self.0.active.increment(1);
        RequestTimer {
            meter: self.clone(),
            method: known_method(method),
            route,
            start: Instant::now(),
            status: GONE,
        }
    }

    fn note(&self, route: &str, method: &'static str, status: u16, seconds: f64) {
        let of = |routes: &HashMap<Box<str>, Route>| {
            let times = &routes.get(route)?.times;
            times.get(&(method, status)).map(|times| times.record(seconds))
        };
        let found = of(&self.0.routes.read().unwrap_or_else(PoisonError::into_inner));
        if found.is_none() {
            self.add(route, method, status).record(seconds);
        }
    }

    fn add(&self, route: &str, method: &'static str, status: u16) -> Histogram {
        let mut routes = self.0.routes.write().unwrap_or_else(PoisonError::into_inner);
        let route =
            if routes.len() >= MAX_ROUTES && !routes.contains_key(route) { MANY } else { route }.to_owned();
        let place = routes.entry(route.as_str().into()).or_insert_with(|| Route::named(&route));
        let new = || {
            histogram!(
                "http_server_request_duration_seconds",
                "service" => self.0.service,
                "http_request_method" => method,
                "http_route" => route,
                "http_response_status_code" => status.to_string(),
            )
        };
        place.times.entry((method, status)).or_insert_with(new).clone()
    }

    /// Header value with the name of a route.
    pub(crate) fn header(&self, route: &str) -> HeaderValue {
        let routes = self.0.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.get(route).map_or_else(|| Route::named(route).header, |known| known.header.clone())
    }
}

impl Route {
    fn named(route: &str) -> Self {
        let header = HeaderValue::from_str(route).unwrap_or(HeaderValue::from_static(""));
        Self { header, times: HashMap::new() }
    }
}

impl RequestTimer {
    /// Records the response; `route` overrides the matched path, if it is known better.
    pub fn answered(mut self, status: StatusCode, route: Option<&str>) {
        self.status = status.as_u16();
        if let Some(route) = route {
            self.meter.0.active.decrement(1);
            self.meter.note(route, self.method, self.status, self.start.elapsed().as_secs_f64());
            self.status = 0;
        }
    }
}

/// Records the matched path's route; with status 499, if the request was cancelled.
impl Drop for RequestTimer {
    fn drop(&mut self) {
        if self.status != 0 {
            self.meter.0.active.decrement(1);
            let route = self.route.as_ref().map_or("", MatchedPath::as_str);
            self.meter.note(route, self.method, self.status, self.start.elapsed().as_secs_f64());
        }
    }
}

/// Name of a standard method; `_OTHER` for any other, because clients choose methods and labels must be bounded.
#[must_use]
pub fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => MANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_routes_and_methods_are_bounded() {
        let meter = Meter::new("a test");
        for number in 0..2 * MAX_ROUTES {
            let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
            meter.begin(&method, None).answered(StatusCode::OK, Some(&format!("/{number}")));
        }
        let routes = meter.0.routes.read().unwrap();
        assert_eq!(routes.len(), MAX_ROUTES + 1);
        assert!(routes.values().all(|route| route.times.keys().eq([&(MANY, 200)])));
    }
}
