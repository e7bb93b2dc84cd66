//! Whatever comes in: an answer that names the field, and never a 500.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{ALL, nexo};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_problem() {
    let ana = nexo().await.person(ALL).await;
    let huge = format!(r#"{{"name":"{}"}}"#, "x".repeat(3_000_000)).into_bytes();
    for (body, status, code) in [
        (&b"{"[..], StatusCode::BAD_REQUEST, "malformed"),
        (b"", StatusCode::BAD_REQUEST, "malformed"),
        (b"{\"name\":\"a\"} x", StatusCode::BAD_REQUEST, "malformed"),
        (b"{\"name\":\"\xff\xfe\"}", StatusCode::BAD_REQUEST, "malformed"),
        (b"{\"name\":\"a\0b\"}", StatusCode::BAD_REQUEST, "malformed"),
        (b"[]", StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        (&huge, StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
    ] {
        let answer = ana.send_raw(Method::POST, "/api/v1/clients", JSON, body.to_vec()).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(
            answer.expect(status)["code"],
            code,
            "{}",
            String::from_utf8_lossy(&body[..body.len().min(40)])
        );
    }
    let deep = "[".repeat(100_000);
    let answer = ana.send_raw(Method::POST, "/api/v1/clients", JSON, format!(r#"{{"name":{deep}"#)).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let answer = ana.send_raw(Method::POST, "/api/v1/clients", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named() {
    let ana = nexo().await.person(ALL).await;
    for (body, pointer, code) in [
        (json!({}), "/name", "required"),
        (json!({ "name": null }), "/name", "type"),
        (json!({ "name": 5 }), "/name", "type"),
        (json!({ "name": "" }), "/name", "length"),
        (json!({ "name": "x".repeat(201) }), "/name", "length"),
        (json!({ "name": "a\u{0}b" }), "/name", "nul"),
        (json!({ "name": "a", "nickname": "b" }), "/nickname", "unknown-field"),
        (
            json!({ "name": "a", "account_id": "0198c0de-0000-7000-8000-000000000000" }),
            "/account_id",
            "unknown-field",
        ),
        (json!({ "name": "a", "id": "0198c0de-0000-7000-8000-000000000000" }), "/id", "unknown-field"),
        (json!({ "name": "a", "rating": 9 }), "/rating", "range"),
        (json!({ "name": "a", "rating": 99_999_999_999_i64 }), "/rating", "type"),
        (json!({ "name": "a", "rating": "4" }), "/rating", "type"),
        (json!({ "name": "a", "status": "gone" }), "/status", "choice"),
        (json!({ "name": "a", "email": "nobody" }), "/email", "email"),
        (json!({ "name": "a", "website": "not an address" }), "/website", "url"),
        (json!({ "name": "a", "website": "javascript:alert(1)" }), "/website", "web-address"),
        (json!({ "name": "a", "owner_id": "me" }), "/owner_id", "type"),
    ] {
        let problem = ana.post("/clients", body.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
        assert_eq!(problem["errors"][0]["code"], code, "{body}: {problem}");
    }
}

#[tokio::test]
async fn a_patch_is_held_to_the_same_rules() {
    let ana = nexo().await.person(ALL).await;
    let made = ana.post("/clients", json!({ "name": "Acme" })).await.expect(StatusCode::CREATED);
    let path = format!("/clients/{}", made["id"].as_str().unwrap());
    for (patch, pointer) in [
        (json!({ "name": null }), "/name"),
        (json!({ "rating": 0 }), "/rating"),
        (json!({ "version": 7 }), "/version"),
        (json!({ "notes": "a\u{0}" }), "/notes"),
    ] {
        let problem = ana.patch(&path, &made, patch).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let malformed = ana.patch(&path, &made, json!([])).await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    let headers = [("content-type", "application/json"), ("if-match", "3")];
    let unquoted = ana.send_raw(Method::PATCH, &format!("/api/v1{path}"), &headers, "{}").await;
    assert_eq!(unquoted.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_path_or_header_that_cannot_be_read_is_a_problem() {
    let ana = nexo().await.person(ALL).await;
    for path in ["/clients/1", "/clients/%00", "/clients/not-a-uuid/history"] {
        assert!(ana.get(path).await.status.is_client_error(), "{path}");
    }
    for key in ["", &"k".repeat(256)] {
        assert_eq!(
            ana.post_once("/clients", key, json!({ "name": "a" })).await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_from_end_to_end() {
    let ana = nexo().await.person(ALL).await;
    let id = uuid::Uuid::now_v7().to_string();
    let answer = ana.send_raw(Method::GET, "/api/v1/clients/1", &[("x-request-id", &id)], "").await;
    assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
    assert_eq!(answer.body["request_id"], json!(id));
    let forged = ana.send_raw(Method::GET, "/api/v1/clients", &[("x-request-id", "<script>")], "").await;
    assert_ne!(forged.header("x-request-id"), Some("<script>"));
}
