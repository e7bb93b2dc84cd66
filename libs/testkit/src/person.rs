use std::net::SocketAddr;

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderMap, Method, Request, StatusCode, header, request::Builder};
use kernel::{AccountId, UserId};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::described;

/// Somebody with a token.
#[derive(Clone)]
pub struct Person {
    /// The service they call.
    pub service: Router,
    /// Their token.
    pub token: String,
    /// Their account.
    pub account: AccountId,
    /// They.
    pub user: UserId,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, `null` when it is no JSON.
    pub body: Value,
    bytes: Vec<u8>,
}

impl Answer {
    /// The body, provided that the status is `status`.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body as it came.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// One header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Person {
    /// Somebody without a token.
    #[must_use]
    pub fn nobody(service: &Router) -> Self {
        Self {
            service: service.clone(),
            token: String::new(),
            account: AccountId::new(),
            user: UserId::new(),
        }
    }

    /// Sends a request as it is, with the person's token.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.call(Request::builder(), method, path, headers, body.into()).await
    }

    /// The same over a connection from this address, such as `198.51.100.7:1`.
    pub async fn send_from(
        &self,
        address: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let peer: SocketAddr = address.parse().unwrap();
        let request = Request::builder().extension(ConnectInfo(peer));
        self.call(request, method, path, headers, body.into()).await
    }

    async fn call(
        &self,
        request: Builder,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = request.method(method.clone()).uri(path);
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.service.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        described::check(&method, path, parts.status, &parts.headers, &bytes);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes: bytes.into(),
        }
    }

    /// Sends a request; `seen` is the version for `If-Match`.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        seen: Option<&Value>,
        body: Option<Value>,
    ) -> Answer {
        let seen = seen.map(|version| format!("\"{version}\""));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(seen.as_deref().map(|seen| ("if-match", seen)));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send_raw(method, &format!("/api/v1{path}"), &headers, body).await
    }

    /// Gets.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    /// Posts.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    /// Posts under an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send_raw(Method::POST, &format!("/api/v1{path}"), &headers, body.to_string()).await
    }

    /// Patches what was `seen`.
    pub async fn patch(&self, path: &str, seen: &Value, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(&seen["version"]), Some(body)).await
    }

    /// Deletes what was `seen`.
    pub async fn delete(&self, path: &str, seen: &Value) -> Answer {
        self.send(Method::DELETE, path, Some(&seen["version"]), None).await
    }
}
