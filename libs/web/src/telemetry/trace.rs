//! Trace span of a request that a service handles.

use ::telemetry::{Kind, Span, SpanInit};
use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use http::Method;

use super::meter::known_method;
use crate::Proxies;

/// Header of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// Starts the span. It continues a trace only if a trusted proxy sent the header: others could force sampling, and
/// mix their traces with those of others.
#[must_use]
pub fn begin_trace(request: &Request, proxies: &Proxies) -> Span {
    if !Span::enabled() {
        return Span::default();
    }
    let header = request.headers().get(TRACEPARENT).filter(|_| proxies.sent(request));
    let parent = header.and_then(|value| value.to_str().ok());
    Span::following(parent, Kind::Server, || {
        let method = known_method(request.method());
        SpanInit::new(method).with([("http.request.method", method.into())])
    })
}

/// Records status and route of the response, and renames the span.
pub fn end_trace(span: &Span, method: &Method, route: &str, response: &Response) {
    if !span.is_recording() {
        return;
    }
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if !route.is_empty() {
        span.set("http.route", route.to_owned());
        span.rename(|| format!("{} {route}", known_method(method)));
    }
    if status.is_server_error() {
        span.set_error(status.as_str().to_owned());
    }
}

pub(crate) fn route(request: &Request) -> Option<MatchedPath> {
    request.extensions().get::<MatchedPath>().cloned()
}
