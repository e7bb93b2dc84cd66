//! What surrounds every request of a service: id, log span, timeout, and an answer even if a handler panics.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use ::telemetry::Span;
use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use tracing::Instrument as _;

use crate::{
    ClientAddress, ClientRequestId, Error, Meter, Proxies, ROUTE, RequestId, Upload, begin_trace,
    conditional::IfNoneMatch, end_trace, extract::uncoded, respond::private, telemetry::route,
};

/// Bounds of every request of a service: its id, log span, timeout and metrics.
#[derive(Clone)]
pub struct RequestBounds {
    patience: Duration,
    proxies: Proxies,
    meter: Option<Meter>,
}

impl RequestBounds {
    /// Creates the bounds with the timeout of a response; metrics too, if the service has a name.
    #[must_use]
    pub fn new(patience: Duration, proxies: Proxies, service: &'static str) -> Self {
        let meter = (!service.is_empty()).then(|| Meter::new(service));
        Self { patience, proxies, meter }
    }

    /// Answers a request with the response of `run`; `route` is the pattern of its path in logs, or empty.
    pub async fn answer<F: Future<Output = Response>>(
        &self,
        route: &str,
        mut request: Request,
        run: impl FnOnce(Request) -> F,
    ) -> Response {
        ClientAddress::mark(&mut request, &self.proxies);
        let id = RequestId::from_request(&request, &self.proxies);
        match &self.meter {
            Some(meter) => self.measure(meter, id, route, request, run).await,
            None => answer(id, self.patience, route, request, run).await,
        }
    }

    /// Records the metrics and the trace span of a request.
    async fn measure<F: Future<Output = Response>>(
        &self,
        meter: &Meter,
        id: RequestId,
        pattern: &str,
        request: Request,
        run: impl FnOnce(Request) -> F,
    ) -> Response {
        let span = begin_trace(&request, &self.proxies);
        let (route, method) = (route(&request), request.method().clone());
        let running = meter.begin(&method, route.clone());
        let mut response = span.within(answer(id, self.patience, pattern, request, run)).await;
        running.answered(response.status(), None);
        end_trace(&span, &method, pattern, &response);
        if let Some(route) = route.as_ref().map(MatchedPath::as_str) {
            response.headers_mut().insert(ROUTE, meter.header(route));
        }
        response
    }
}

/// Sets the request's id and log span, and enforces the timeout.
async fn answer<F: Future<Output = Response>>(
    id: RequestId,
    patience: Duration,
    route: &str,
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    let clients = ClientRequestId::new(&request, id);
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
    let mut response = id.scope(in_time(patience, request, run)).instrument(span).await;
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

async fn in_time<F: Future<Output = Response>>(
    patience: Duration,
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    let start = tokio::time::Instant::now();
    let patience = Upload::new(request.method(), request.uri().path()).map_or(patience, |file| file.patience);
    let response = match uncoded(request.headers()) {
        Ok(()) => {
            let work = pin!(async { run(request).await });
            let answered = tokio::time::timeout(patience, caught(work)).await;
            answered.unwrap_or_else(|_| Error::TimedOut.into_response())
        }
        Err(refused) => refused.into_response(),
    };
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(http.status = response.status().as_u16(), duration_ms, "answered");
    response
}

/// Answers 500 if a handler panics. Unlike a layer for this, it wraps no body.
async fn caught(mut work: Pin<&mut impl Future<Output = Response>>) -> Response {
    let answered = poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(panicked(&*panic)))
    });
    answered.await
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::Internal(format!("a handler panicked: {words}").into()).into_response()
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
