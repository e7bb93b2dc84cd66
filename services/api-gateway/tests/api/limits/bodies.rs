//! Limits of request bodies per account.

use axum::body::{Body, Bytes};
use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use testkit::{TestApp, TestResponse, TestUser};
use tower::ServiceExt as _;

use super::gateway;

const KIB: usize = 1024;
/// Ten permits of 32 KiB each, and one more per second.
const LIMITS: &str = "writes_per_minute = 60, writes_burst = 10";

async fn send(person: &TestUser, method: Method, path: &str, kib: usize) -> TestResponse {
    person.send_raw(method, path, &[], " ".repeat(kib * KIB)).await
}

/// Status of a request with a body of unknown length.
async fn stream(nexo: &TestApp, person: &TestUser, kib: usize) -> StatusCode {
    let parts = (0..kib).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; KIB])));
    let request = Request::put("/api/v1/clients/1")
        .header(AUTHORIZATION, format!("Bearer {}", person.token))
        .body(Body::from_stream(futures::stream::iter(parts)))
        .unwrap();
    nexo.router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_long_body_costs_as_much_as_many_short_ones_and_only_its_own_account() {
    let nexo = gateway(LIMITS, &[]).await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    send(&ana, Method::PUT, "/api/v1/clients/1", 1000).await.expect(StatusCode::OK);
    let refused = send(&ana, Method::POST, "/api/v1/clients/search", 33).await;
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=23).contains(&wait), "31 permits were taken of 10: {wait}");
    assert_eq!(refused.expect(StatusCode::TOO_MANY_REQUESTS)["code"], "too-many-requests");
    send(&ana, Method::PUT, "/api/v1/clients/1", 32).await.expect(StatusCode::OK);
    send(&ana, Method::POST, "/api/v1/imports", 2000).await.expect(StatusCode::OK);
    send(&ben, Method::PUT, "/api/v1/clients/1", 1000).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_charged_as_it_passes() {
    let nexo = gateway(LIMITS, &[]).await;
    let ana = nexo.person("").await;
    let mut told = Vec::new();
    for kib in [20, 20, 1000, 20] {
        told.push(stream(&nexo, &ana, kib).await.as_u16());
    }
    assert_eq!(told, [200, 200, 200, 429]);
    send(&ana, Method::PUT, "/api/v1/clients/1", 20).await.expect(StatusCode::OK);
}
