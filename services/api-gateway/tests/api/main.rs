//! The gateway in front of an echo service.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod access;
mod browsers;
mod connections;
mod drain;
mod early;
mod keys;
mod limits;
mod lines;
mod persons;
mod refusals;
mod revoked;
mod upstreams;
mod wire;

use std::time::Duration;

use api_gateway::{Config, router};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::IntoResponse,
    routing::{any, get},
};
use http::{Method, StatusCode};
use kernel::Env;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

/// A service that echoes the request.
async fn echo() -> String {
    let router = Router::new()
        .route("/api/v1/slow", get(async || sleep(Duration::from_secs(30)).await))
        .route("/api/v1/drop", any(breaks))
        .route("/api/v1/told", get(async || [("x-nexo-route", "/api/v1/told")]))
        .fallback(async |method: Method, request: Request| {
            let (parts, body) = request.into_parts();
            let headers: Value = parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let size = axum::body::to_bytes(body, usize::MAX).await.map(|body| body.len()).unwrap_or_default();
            let told = json!({ "method": method.as_str(), "path": parts.uri.to_string(), "headers": headers, "size": size });
            ([("content-type", "application/json"), ("connection", "x-inner"), ("x-inner", "1"), ("keep-alive", "timeout=9")], told.to_string()).into_response()
        });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn breaks() -> &'static str {
    panic!("the connection breaks")
}

async fn gateway(auth: &str, crm: &str) -> TestApp {
    gateway_on(TestContext::new("nexo_app").await, &[("NEXO_AUTH_URL", auth), ("NEXO_CRM_URL", crm)])
}

fn gateway_on(ground: TestContext, settings: &[(&'static str, &str)]) -> TestApp {
    gateway_with(ground, settings, |_| {})
}

/// A gateway with settings, and with times that are shorter than a setting can be.
fn gateway_with(
    ground: TestContext,
    settings: &[(&'static str, &str)],
    adjust: impl FnOnce(&mut Config),
) -> TestApp {
    let env = Env::from_values(ground.database.settings("nexo_app"))
        .with("NEXO_UPSTREAM_TIMEOUT_SECONDS", "1")
        .with("NEXO_CORS_ORIGINS", "https://app.acme.test");
    let mut env = settings.iter().fold(env, |env, &(name, value)| env.with(name, value));
    let mut config = Config::read(&mut env);
    env.finish().unwrap();
    adjust(&mut config);
    let app = config.app(ground.db.clone(), ground.verifier.clone(), config.revocation.start());
    TestApp { router: router(app, &config), ground }
}

async fn in_front_of_echo() -> TestApp {
    let echo = echo().await;
    gateway(&echo, &echo).await
}

/// Waits until a condition holds, which must be soon.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < end, "it never holds");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn send(person: &TestUser, method: Method, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    person.send_raw(method, path, headers, "").await
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_but_for_what_is_between_neighbours() {
    let ana = in_front_of_echo().await.person("").await;
    let headers = [
        ("connection", "close, x-private"),
        ("x-private", "1"),
        ("te", "gzip"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-account-id", "of somebody else"),
        ("x-nexo-user", "somebody else"),
        ("if-match", "\"3\""),
    ];
    let answer = send(&ana, Method::PATCH, "/api/v1/clients/1?limit=2&q=%20a", &headers).await;
    assert_eq!((answer.header("keep-alive"), answer.header("x-inner")), (None, None));
    let id = answer.header("x-request-id").unwrap().to_owned();
    let told = answer.expect(StatusCode::OK);
    assert_eq!(
        (&told["method"], &told["path"]),
        (&json!("PATCH"), &json!("/api/v1/clients/1?limit=2&q=%20a"))
    );
    let reached = &told["headers"];
    assert_eq!(
        (&reached["if-match"], &reached["x-request-id"], &reached["via"]),
        (&json!("\"3\""), &json!(id), &json!("1.1 nexo"))
    );
    assert!(reached["authorization"].as_str().unwrap().starts_with("Bearer "));
    for gone in ["x-private", "te", "x-forwarded-for", "keep-alive", "x-account-id", "x-nexo-user"] {
        assert_eq!(reached.get(gone), None, "{gone}");
    }
}

#[tokio::test]
async fn by_which_route_a_service_has_answered_is_for_us_alone() {
    let ana = in_front_of_echo().await.person("").await;
    let answer = send(&ana, Method::GET, "/api/v1/told", &[]).await;
    assert_eq!((answer.status, answer.header("x-nexo-route")), (StatusCode::OK, None));
}

#[tokio::test]
async fn a_service_receives_the_address_of_the_peer_whatever_the_client_sends() {
    let ana = in_front_of_echo().await.person("").await;
    let forged = [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("x-real-ip", "10.0.0.1")];
    let answer = ana.send_from("198.51.100.7:4711", Method::GET, "/api/v1/clients", &forged, "").await;
    let reached = answer.expect(StatusCode::OK)["headers"].clone();
    assert_eq!(reached["x-forwarded-for"], "198.51.100.7");
    assert!(!reached.to_string().contains("10.0.0.1"), "{reached}");
}

#[tokio::test]
async fn a_proxy_of_ours_is_believed_up_to_the_first_address_that_is_none() {
    let echo = echo().await;
    let settings =
        [("NEXO_AUTH_URL", &*echo), ("NEXO_CRM_URL", &echo), ("NEXO_TRUSTED_PROXIES", "10.0.0.0/8")];
    let ana = gateway_on(TestContext::new("nexo_app").await, &settings).person("").await;
    let (forged, told) =
        ("203.0.113.9, 198.51.100.7, 10.0.0.3", "for=203.0.113.9, for=198.51.100.7;by=10.0.0.3");
    for (peer, headers, client) in [
        ("10.0.0.2:1", &[("x-forwarded-for", forged)][..], "198.51.100.7"),
        ("10.0.0.2:1", &[("forwarded", told)], "198.51.100.7"),
        ("10.0.0.2:1", &[("forwarded", "for=203.0.113.9"), ("x-forwarded-for", forged)], "10.0.0.2"),
        ("192.0.2.1:1", &[("x-forwarded-for", forged), ("forwarded", told)], "192.0.2.1"),
    ] {
        let answer = ana.send_from(peer, Method::GET, "/api/v1/clients", headers, "").await;
        let reached = answer.expect(StatusCode::OK)["headers"].clone();
        assert_eq!(
            (&reached["x-forwarded-for"], reached.get("forwarded")),
            (&json!(client), None),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_bad_token_goes_no_further() {
    let nexo = in_front_of_echo().await;
    let mut mallory = nexo.person("").await;
    mallory.token.push('x');
    for path in ["/api/v1/clients", "/api/v1/auth/me", "/.well-known/other"] {
        for (person, why) in
            [(&mallory, "Bearer error=\"invalid_token\""), (&TestUser::nobody(&nexo.router), "Bearer")]
        {
            let answer = send(person, Method::GET, path, &[]).await;
            assert_eq!(answer.header("www-authenticate"), Some(why));
            assert_eq!(answer.expect(StatusCode::UNAUTHORIZED)["code"], "unauthenticated", "{path}");
        }
    }
    let nobody = TestUser::nobody(&nexo.router);
    for path in ["register", "login", "refresh", "token"] {
        let answer = send(&nobody, Method::POST, &format!("/api/v1/auth/{path}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} needs no token");
    }
    assert_eq!(send(&nobody, Method::GET, "/elsewhere", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let ana = in_front_of_echo().await.person("").await;
    let large = vec![b'x'; 3_000_000];
    let said =
        ana.send_raw(Method::POST, "/api/v1/clients", &[("content-length", "3000000")], large.clone()).await;
    assert_eq!(said.expect(StatusCode::PAYLOAD_TOO_LARGE)["code"], "too-large");
    let chunks = large
        .chunks(100_000)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
        .collect::<Vec<_>>();
    let streamed = Body::from_stream(futures::stream::iter(chunks));
    let unsaid = ana.send_raw(Method::POST, "/api/v1/clients", &[], streamed).await;
    assert_eq!(unsaid.expect(StatusCode::PAYLOAD_TOO_LARGE)["code"], "too-large");
    let fits = ana.send_raw(Method::POST, "/api/v1/clients", &[], vec![b'x'; 1_000_000]).await;
    assert_eq!(fits.expect(StatusCode::OK)["size"], 1_000_000);
}

#[tokio::test]
async fn services_that_are_down_slow_or_broken_have_statuses_of_their_own() {
    let ana = gateway("http://127.0.0.1:9", "http://127.0.0.1:9").await.person("").await;
    let down = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(down.header("retry-after"), Some("1"));
    assert!(down.body["detail"].as_str().unwrap().contains("Idempotency-Key"), "{}", down.body);
    assert_eq!(down.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "unavailable");
    let health = send(&ana, Method::GET, "/api/health", &[]).await.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        health["parts"],
        json!({ "database": { "status": "up" }, "auth-service": { "status": "down" }, "crm-service": { "status": "down" } })
    );
    assert_eq!(send(&ana, Method::GET, "/health/ready", &[]).await.status, StatusCode::OK);
    assert_eq!(
        send(&ana, Method::GET, "/api/openapi.json", &[]).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );

    let ana = in_front_of_echo().await.person("").await;
    for (path, status, code) in
        [("slow", StatusCode::GATEWAY_TIMEOUT, "timed-out"), ("drop", StatusCode::BAD_GATEWAY, "bad-gateway")]
    {
        let answer = send(&ana, Method::GET, &format!("/api/v1/{path}"), &[]).await;
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        let problem = answer.expect(status);
        assert_eq!(problem["code"], code);
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("Idempotency-Key, is safe to send again"), "{told}");
    }
}

#[test]
fn production_takes_no_default_that_is_for_development() {
    let mut env = Env::from_values([]).with("NEXO_ENV", "production").with("NEXO_CORS_ORIGINS", "*");
    let config = Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    for name in ["NEXO_CORS_ORIGINS", "DATABASE_URL"] {
        assert!(told.contains(name), "{told}");
    }
    assert_eq!(config.transport.unwrap(), "max-age=31536000; includeSubDomains");
    assert_eq!(config.bounds.notice, Duration::from_secs(5));
    assert_eq!(config.plan_ttl, Duration::from_secs(3));
}

#[test]
fn invalid_settings_are_reported_by_name() {
    let wrong = [
        ("NEXO_CORS_ORIGINS", "https://app.acme.test/"),
        ("NEXO_CRM_URL", "http://a:1,https://b:2"),
        ("NEXO_REQUEST_TIMEOUT_SECONDS", "20"),
        ("NEXO_CIRCUIT_BREAKER_FAILURES", "0"),
        ("NEXO_HSTS", "yes"),
        ("NEXO_MAX_CONNECTIONS", "0"),
    ];
    let mut env = wrong.iter().fold(Env::from_values([]), |env, &(name, value)| env.with(name, value));
    Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    for (name, _) in wrong {
        assert!(told.contains(name), "{name} is not in {told}");
    }
}
