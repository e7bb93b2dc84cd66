//! Malformed input: the response names the field, and is never a 500.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{nexo, post, registration};

fn with(field: &str, value: Value) -> Value {
    let mut body = registration("ana@acme.test", "Acme");
    body[field] = value;
    body
}

#[tokio::test]
async fn a_registration_that_is_wrong_names_the_field() {
    let nexo = nexo().await;
    for (body, pointer) in [
        (with("password", json!("short")), "/password"),
        (with("password", json!("password123")), "/password"),
        (with("password", json!("ana@acme.test")), "/password"),
        (with("password", json!("x".repeat(129))), "/password"),
        (with("password", json!(12_345_678)), "/password"),
        (with("email", json!("ana")), "/email"),
        (with("email", json!(format!("{}@acme.test", "a".repeat(300)))), "/email"),
        (with("email", json!("a\u{0}@acme.test")), "/email"),
        (with("display_name", json!("")), "/display_name"),
        (with("display_name", json!("Ana\nhttps://evil.test")), "/display_name"),
        (with("account_name", json!("x".repeat(201))), "/account_name"),
        (with("account_id", json!("mine")), "/account_id"),
        (json!({}), "/account_name"), // and the three others
    ] {
        let problem = post(&nexo, "register", body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
        assert!(!problem.to_string().contains("12345678"), "a password is not told back: {problem}");
    }
    for path in ["login", "refresh"] {
        let problem = post(&nexo, path, json!({ "surprise": 1 })).await;
        assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}

/// Responses are private: caches must not store them, and browsers must not sniff their type.
#[tokio::test]
async fn no_answer_is_kept_by_a_cache() {
    let nexo = nexo().await;
    let nobody = testkit::TestUser::nobody(&nexo.router);
    for path in ["/api/v1/auth/me", "/api/v1/nothing", "/dev/mail"] {
        let answer = nobody.send_raw(http::Method::GET, path, &[], "").await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let keys = nobody.send_raw(http::Method::GET, "/.well-known/jwks.json", &[], "").await;
    assert_eq!(keys.header("cache-control"), Some("public, max-age=300"), "these are for everybody");
}
