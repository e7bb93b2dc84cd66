use std::net::SocketAddr;

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderMap, Method, Request, StatusCode, header, request::Builder};
use kernel::{AccountId, UserId};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::api_document;

/// A client of the service with a user's token.
#[derive(Clone)]
pub struct TestUser {
    /// Router of the service to call.
    pub service: Router,
    /// Access token of the user.
    pub token: String,
    /// Account that the token is valid for.
    pub account: AccountId,
    /// Id of the user behind the token.
    pub user: UserId,
}

/// A response of the service.
#[derive(Debug)]
pub struct TestResponse {
    /// HTTP status of the response.
    pub status: StatusCode,
    /// HTTP headers of the response.
    pub headers: HeaderMap,
    /// Body of the response; `null` if it is not JSON.
    pub body: Value,
    bytes: Vec<u8>,
}

impl TestResponse {
    /// Asserts the status and returns the body.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Body of the response as text.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Value of a header as text; `None` if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl TestUser {
    /// A client without a token.
    #[must_use]
    pub fn nobody(service: &Router) -> Self {
        Self {
            service: service.clone(),
            token: String::new(),
            account: AccountId::new(),
            user: UserId::new(),
        }
    }

    /// Sends a request unchanged, with the user's token.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        self.call(Request::builder(), method, path, headers, body.into()).await
    }

    /// Sends a request over a connection from this peer address, such as `198.51.100.7:1`.
    pub async fn send_from(
        &self,
        address: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
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
    ) -> TestResponse {
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
        api_document::check(&method, path, parts.status, &parts.headers, &bytes);
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes: bytes.into(),
        }
    }

    /// Sends a request to the API; `seen` is the version for `If-Match`.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        seen: Option<&Value>,
        body: Option<Value>,
    ) -> TestResponse {
        let seen = seen.map(|version| format!("\"{version}\""));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(seen.as_deref().map(|seen| ("if-match", seen)));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send_raw(method, &format!("/api/v1{path}"), &headers, body).await
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, None, None).await
    }

    /// Sends a POST request.
    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.send(Method::POST, path, None, Some(body)).await
    }

    /// Sends a POST request with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> TestResponse {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send_raw(Method::POST, &format!("/api/v1{path}"), &headers, body.to_string()).await
    }

    /// Sends a PATCH request with the version of `seen`.
    pub async fn patch(&self, path: &str, seen: &Value, body: Value) -> TestResponse {
        self.send(Method::PATCH, path, Some(&seen["version"]), Some(body)).await
    }

    /// Sends a DELETE request with the version of `seen`.
    pub async fn delete(&self, path: &str, seen: &Value) -> TestResponse {
        self.send(Method::DELETE, path, Some(&seen["version"]), None).await
    }
}
