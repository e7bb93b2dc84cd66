//! Access log: one line per request, written when its response was sent. It contains no query, body, header,
//! address or record id: neither credentials nor personal data.

use std::time::{Duration, Instant};

use axum::{extract::Request, response::Response};
use http::Method;
use web::{ClientRequestId, RequestId};

use crate::{
    access_record::AccessRecord,
    body_guard::{BodyGuard, carrying},
};

/// Status for a client that disconnected before the response; as in nginx.
const GONE: u16 = 499;

/// Data of a request; logged on drop, whether it was answered or not.
pub(super) struct AccessLogEntry {
    id: RequestId,
    clients: Option<ClientRequestId>,
    method: Method,
    route: String,
    start: Instant,
    status: u16,
    bytes: u64,
    trail: AccessRecord,
}

impl AccessLogEntry {
    /// Creates the entry, unless the access log is disabled.
    pub(super) fn from_request(
        request: &Request,
        id: RequestId,
        clients: Option<&ClientRequestId>,
    ) -> Option<Self> {
        tracing::enabled!(target: "access", tracing::Level::INFO).then(|| Self {
            id,
            clients: clients.cloned(),
            method: request.method().clone(),
            route: route(request.uri().path()),
            start: Instant::now(),
            status: GONE,
            bytes: 0,
            trail: AccessRecord::default(),
        })
    }

    /// Attaches the entry to a response until it was sent.
    pub(super) fn follow(mut self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        self.status = parts.status.as_u16();
        self.trail = parts.extensions.remove().unwrap_or_default();
        if let Some(route) = self.trail.route.as_ref().and_then(|route| route.to_str().ok()) {
            route.clone_into(&mut self.route);
        }
        Response::from_parts(parts, carrying(body, self))
    }
}

impl Drop for AccessLogEntry {
    fn drop(&mut self) {
        let AccessRecord { account, upstream, waited, .. } = &self.trail;
        tracing::event!(
            target: "access",
            tracing::Level::INFO,
            request.id = %self.id.0,
            client.request_id = self.clients.as_ref().map(ClientRequestId::text),
            account.id = account.map(tracing::field::display),
            http.method = %self.method,
            http.route = self.route,
            http.status = self.status,
            upstream = upstream.as_ref().map(tracing::field::display),
            upstream_ms = upstream.as_ref().map(|_| milliseconds(*waited)),
            duration_ms = milliseconds(self.start.elapsed()),
            bytes = self.bytes,
            "request"
        );
    }
}

/// Path without record ids: names of our routes are short and in lower case. The service's own route takes
/// precedence.
fn route(path: &str) -> String {
    let is_name = |part: &str| {
        part.len() <= 32 && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-' | b'_' | b'.'))
    };
    let names = path.split('/').map(|part| if is_name(part) || part == "v1" { part } else { "{id}" });
    names.take(12).collect::<Vec<_>>().join("/")
}

impl BodyGuard for AccessLogEntry {
    fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

/// Milliseconds with one decimal, because most requests take less than one.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_no_record() {
        for (path, told) in [
            ("/api/v1/clients/0190b0a5-1c6e-7000-8000-000000000000/history", "/api/v1/clients/{id}/history"),
            ("/api/v1/clients/eyJhbGciOi", "/api/v1/clients/{id}"),
            ("/api/v1/members/ana@acme.test", "/api/v1/members/{id}"),
            ("/api/openapi.json", "/api/openapi.json"),
            ("/", "/"),
        ] {
            assert_eq!(route(path), told);
        }
    }
}
