//! Malformed input: the response names the field, and is never a 500.

use crm_service::App;
use http::{Method, StatusCode};
use kernel::Env;
use serde_json::json;
use testkit::TestUser;
use web::Proxies;

use crate::{ALL, made, nexo};

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
        (json!({ "name": "a\u{0}b" }), "/name", "nul-character"),
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
        (json!({ "name": "a", "status": "gone" }), "/status", "enum"),
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

/// A client that chose its request id could blame its changes on another's request.
#[tokio::test]
async fn a_client_cannot_choose_the_id_that_history_tells() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let id = uuid::Uuid::now_v7().to_string();
    let headers = [JSON[0], ("x-request-id", &id)];
    let made = ana.send_raw(Method::POST, "/api/v1/clients", &headers, r#"{"name":"Acme"}"#).await;
    assert_eq!(made.header("x-client-request-id"), Some(id.as_str()), "it is told back, beside ours");
    let ours = made.header("x-request-id").unwrap().to_owned();
    assert_ne!(ours, id);
    let client = made.expect(StatusCode::CREATED);
    let told = ana.get(&format!("/clients/{}/history", client["id"].as_str().unwrap())).await;
    assert_eq!(told.expect(StatusCode::OK)["data"][0]["request_id"], json!(ours));
    let missing = ana.send_raw(Method::GET, "/api/v1/clients/1", &[("x-request-id", &id)], "").await;
    assert_eq!(missing.body["request_id"], json!(missing.header("x-request-id").unwrap()));
    for unfit in ["<a b>", &"x".repeat(129)] {
        let answer = ana.send_raw(Method::GET, "/api/v1/clients", &[("x-request-id", unfit)], "").await;
        assert_eq!(answer.header("x-client-request-id"), None, "{unfit}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_that_its_gateway_gave_it() {
    let nexo = nexo().await;
    let gateways = "10.0.0.0/8".to_owned();
    let gateways = Proxies::read(&mut Env::from_values([("NEXO_TRUSTED_PROXIES".to_owned(), gateways)]));
    let app = App { db: nexo.ground.db.clone(), verifier: nexo.ground.verifier.clone() };
    let service = crm_service::router_with_dependencies(app, Vec::new(), gateways).0;
    let ana = TestUser { service, ..nexo.person(ALL).await };
    let id = uuid::Uuid::now_v7().to_string();
    for (peer, is_kept) in [("10.0.0.2:1", true), ("192.0.2.1:1", false)] {
        let answer =
            ana.send_from(peer, Method::GET, "/api/v1/clients/1", &[("x-request-id", &id)], "").await;
        assert_eq!(answer.header("x-request-id") == Some(&id), is_kept, "{peer}");
        assert_eq!(answer.body["request_id"], json!(answer.header("x-request-id").unwrap()));
    }
}

#[tokio::test]
async fn a_body_of_another_kind_is_415_and_the_answer_says_what_is_taken() {
    let ana = nexo().await.person(ALL).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let one = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
    let patch = "application/merge-patch+json, application/json";
    for (method, path, taken, as_patch) in [
        (Method::POST, "/api/v1/clients", "application/json", None),
        (Method::PATCH, &one, patch, Some(patch)),
    ] {
        for kind in [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/xml")]] {
            let headers = [kind, &[("if-match", "\"1\"")]].concat();
            let refused = ana.send_raw(method.clone(), path, &headers, r#"{"name":"b"}"#).await;
            assert_eq!((refused.header("accept"), refused.header("accept-patch")), (Some(taken), as_patch));
            let refused = refused.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert_eq!(refused["code"], "unsupported-media-type");
            for name in taken.split(", ") {
                assert!(refused["detail"].as_str().unwrap().contains(name), "{refused}");
            }
        }
    }
}

/// The service does not decompress bodies: an encoded body would be misread.
#[tokio::test]
async fn a_body_is_taken_as_it_is_and_not_when_it_is_coded() {
    let ana = nexo().await.person(ALL).await;
    for (coding, status) in [
        ("gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("gzip, identity", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("x", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("Identity", StatusCode::CREATED),
    ] {
        let headers = [JSON[0], ("content-encoding", coding)];
        let answer = ana.send_raw(Method::POST, "/api/v1/clients", &headers, r#"{"name":"Acme"}"#).await;
        assert_eq!(answer.status, status, "{coding:?}");
    }
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let ana = nexo().await.person(ALL).await;
    let body = json!({ "name": "", "rating": 9, "credit_limit": "1,5", "currency": "Euro", "status": "gone", "nickname": "a", "owner_id": "me" });
    let problem = ana.post("/clients", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        pointers,
        ["/credit_limit", "/currency", "/name", "/nickname", "/owner_id", "/rating", "/status"],
        "{problem}"
    );
    let unknown = problem["errors"][3]["message"].as_str().unwrap();
    assert!(unknown.starts_with("is not a field here; the fields are `"), "{unknown}");
}

#[tokio::test]
async fn what_cannot_be_read_says_what_could_be() {
    let ana = nexo().await.person("*:*").await;
    for (due_at, wanted) in
        [("tomorrow", "an instant such as"), ("2026-12-01T17:00:00", "an instant such as")]
    {
        let task = json!({ "title": "a", "due_at": due_at });
        let problem = ana.post("/tasks", task).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        let fault =
            problem["errors"].as_array().unwrap().iter().find(|one| one["pointer"] == "/due_at").unwrap();
        assert!(fault["message"].as_str().unwrap().contains(wanted), "{problem}");
    }
    let project =
        json!({ "name": "a", "code": "a", "client_id": uuid::Uuid::nil(), "starts_on": "tomorrow" });
    let problem = ana.post("/projects", project).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/starts_on", "{problem}");
    assert_eq!(problem["errors"][0]["message"], "must be a day such as 2026-01-31", "{problem}");
    for (path, pointer, wanted) in [
        ("/audit-log?actor=olga@crm.test", "/actor", "must be a UUID"),
        ("/audit-log?action=deleted", "/action", "must be one of added,"),
        ("/audit-log/export?action=deleted", "/action", "must be one of added,"),
        ("/audit-log?from=tomorrow", "/from", "must be an instant such as"),
        ("/audit-log?colour=red", "/colour", "is not a parameter here"),
        ("/clients/export?format=pdf", "/format", "must be"),
    ] {
        let problem = ana.get(path).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}: {problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(wanted), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_record_that_is_not_in_the_trash_is_not_called_missing() {
    let ana = nexo().await.person(ALL).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let path = format!("/clients/{}/restore", client["id"].as_str().unwrap());
    let problem = ana.post(&path, json!(null)).await.expect(StatusCode::CONFLICT);
    assert_eq!(problem["code"], "not-in-trash");
    let nowhere = format!("/clients/{}/restore", uuid::Uuid::now_v7());
    ana.post(&nowhere, json!(null)).await.expect(StatusCode::NOT_FOUND);
}
