//! Client span of an attempt, which the service continues.

use ::telemetry::{Kind, Span, SpanInit};
use http::{HeaderValue, uri::Authority};
use tokio::time::error::Elapsed;
use web::{TRACEPARENT, known_method};

use super::{Outgoing, connection::Exchanged, pool::ExchangeError};

/// Starts the span, and sets the `traceparent` header for the service.
pub(super) fn asking(address: &Authority, outgoing: &mut Outgoing) -> Span {
    let span = Span::begin(Kind::Client, || {
        let method = known_method(&outgoing.method);
        let known = [
            ("http.request.method", method.into()),
            ("server.address", address.host().to_owned().into()),
            ("server.port", i64::from(address.port_u16().unwrap_or(80)).into()),
        ];
        SpanInit::new(method).with(known)
    });
    if let Some(parent) = span.traceparent().and_then(|parent| HeaderValue::try_from(parent).ok()) {
        outgoing.headers.insert(TRACEPARENT, parent);
    }
    span
}

pub(super) fn answered(span: &Span, answer: &Result<Result<Exchanged, ExchangeError>, Elapsed>) {
    match answer {
        Ok(Ok((answer, _))) => {
            span.set("http.response.status_code", i64::from(answer.status().as_u16()));
            if answer.status().is_server_error() {
                span.set_error(answer.status().as_str().to_owned());
            }
        }
        Ok(Err(_)) => span.set_error("broken"),
        Err(_) => span.set_error("timed_out"),
    }
}
