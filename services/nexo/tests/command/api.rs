//! Requests over HTTP, as a front-end application sends them.

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, header, http::request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Api {
    pub(crate) url: String,
}

impl Api {
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(Request::get(format!("{}{path}", self.url)), String::new()).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Value {
        let request = Request::get(format!("{}{path}", self.url));
        self.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), String::new()).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Value {
        let request =
            Request::post(format!("{}{path}", self.url)).header(header::CONTENT_TYPE, "application/json");
        self.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), body.to_string()).await
    }

    /// Posts a request with a `traceparent` header.
    pub(crate) async fn post_traced(&self, token: &str, path: &str, body: &Value, parent: &str) -> Value {
        let request = Request::post(format!("{}{path}", self.url)).header("traceparent", parent);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), body.to_string()).await
    }

    /// Sends a body of this media type, with `If-Match` for the version `seen`.
    pub(crate) async fn send_as(
        &self,
        token: &str,
        (method, path): (&str, &str),
        media: &str,
        seen: i64,
        body: String,
    ) -> Value {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request =
            request.header(header::CONTENT_TYPE, media).header(header::IF_MATCH, format!("\"{seen}\""));
        self.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), body).await
    }

    /// Registers a user with the token from the confirmation e-mail; returns the access token.
    pub(crate) async fn register(&self, email: &str) -> String {
        let password = "correct-horse-battery";
        let person =
            json!({ "email": email, "password": password, "display_name": "N", "account_name": "N" });
        self.post_as("", "/api/v1/auth/register", &person).await;
        let letters = self.get(&format!("/dev/mail?to={email}")).await;
        let shown = json!({ "token": letters["data"][0]["token"], "password": password });
        let tokens = self.post_as("", "/api/v1/auth/register/confirm", &shown).await;
        tokens["access_token"].as_str().expect("a token").to_owned()
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> String {
        let person = json!({ "email": email, "password": password });
        self.post_as("", "/api/v1/auth/login", &person).await["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Sends a request with `If-Match` for version 1; returns status, one header and the body, if present.
    pub(crate) async fn answer_to(
        &self,
        token: &str,
        (method, path): (&str, &str),
        body: &Value,
        header: &str,
    ) -> (u16, Option<String>, Value) {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::IF_MATCH, "\"1\"");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answer = client.request(request.body(Full::from(body.to_string())).unwrap()).await.unwrap();
        let told = answer.headers().get(header).map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, told, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn send(&self, request: request::Builder, body: String) -> Value {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answer = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }
}
