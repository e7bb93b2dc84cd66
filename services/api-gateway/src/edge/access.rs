//! The access log: a line for each request, when its answer has gone. It has no query, no body, no header, no address and
//! no id of a record: nothing of it lets anybody in, and nothing is about people.

use std::time::{Duration, Instant};

use axum::{extract::Request, response::Response};
use http::Method;
use web::{ClientRequestId, RequestId};

use super::carried::{Carry, carrying};
use crate::trail::Trail;

/// A client that has gone before it was answered; as nginx tells it.
const GONE: u16 = 499;

/// What is known of a request; written when it is dropped, be it answered or not.
pub(super) struct Line {
    id: RequestId,
    clients: Option<ClientRequestId>,
    method: Method,
    route: String,
    start: Instant,
    status: u16,
    bytes: u64,
    trail: Trail,
}

impl Line {
    /// Unless nobody wants to know.
    pub(super) fn of(request: &Request, id: RequestId, clients: Option<&ClientRequestId>) -> Option<Self> {
        tracing::enabled!(target: "access", tracing::Level::INFO).then(|| Self {
            id,
            clients: clients.cloned(),
            method: request.method().clone(),
            route: route(request.uri().path()),
            start: Instant::now(),
            status: GONE,
            bytes: 0,
            trail: Trail::default(),
        })
    }

    /// Goes with an answer to its end.
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

impl Drop for Line {
    fn drop(&mut self) {
        let Trail { account, upstream, waited, .. } = &self.trail;
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

/// A path without what stands for a record: our own names are short and in lower case. A service knows it better.
fn route(path: &str) -> String {
    let is_name = |part: &str| {
        part.len() <= 32 && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-' | b'_' | b'.'))
    };
    let names = path.split('/').map(|part| if is_name(part) || part == "v1" { part } else { "{id}" });
    names.take(12).collect::<Vec<_>>().join("/")
}

impl Carry for Line {
    fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

/// To a tenth: most take less than one.
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
