//! The span of a request that a service answers.

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use http::Method;
use signals::{Kind, Named, Span};

use super::meter::known_method;
use crate::Proxies;

/// The header of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// Begins it: as part of the trace that a proxy of ours says, and of none that a stranger says, who could choose which
/// requests are looked at, and mix them with others'.
#[must_use]
pub fn begin_trace(request: &Request, proxies: &Proxies) -> Span {
    if !Span::are_made() {
        return Span::default();
    }
    let header = request.headers().get(TRACEPARENT).filter(|_| proxies.sent(request));
    let parent = header.and_then(|value| value.to_str().ok());
    Span::following(parent, Kind::Server, || {
        let method = known_method(request.method());
        Named::new(method).with([("http.request.method", method.into())])
    })
}

/// Says how it was answered, and by which route.
pub fn end_trace(span: &Span, method: &Method, route: &str, response: &Response) {
    if !span.is_on() {
        return;
    }
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if !route.is_empty() {
        span.set("http.route", route.to_owned());
        span.rename(|| format!("{} {route}", known_method(method)));
    }
    if status.is_server_error() {
        span.failed(status.as_str().to_owned());
    }
}

pub(crate) fn route(request: &Request) -> Option<MatchedPath> {
    request.extensions().get::<MatchedPath>().cloned()
}
