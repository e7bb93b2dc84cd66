//! Callers with write but no read permission: responses contain ids and versions only.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestUser;

use crate::nexo;

const ADMINISTERS: &str = "member:write member:delete account:write invitation:write";

fn fields(of: &Value) -> Vec<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn without_the_permission_to_read_a_change_answers_with_identity_and_version() {
    let nexo = nexo().await;
    let boss = nexo.person("*:*").await;
    let blind = nexo.member(boss.account, ADMINISTERS).await;
    let other = nexo.member(boss.account, "").await;
    let path = format!("/members/{}", other.user);
    let seen = boss.get(&path).await.expect(StatusCode::OK);

    let stale = json!({ "version": 99 });
    let refused = blind.patch(&path, &stale, json!({ "status": "active" })).await;
    assert_eq!(fields(&refused.expect(StatusCode::PRECONDITION_FAILED)["current"]), ["id", "version"]);
    let refused = blind.delete(&path, &stale).await;
    assert_eq!(fields(&refused.expect(StatusCode::PRECONDITION_FAILED)["current"]), ["id", "version"]);
    let changed = blind.patch(&path, &seen, json!({ "status": "active" })).await;
    assert_eq!(fields(&changed.expect(StatusCode::OK)), ["id", "version"]);
    assert_eq!(boss.get(&path).await.expect(StatusCode::OK)["status"], "active");

    let refused = blind.send(Method::PATCH, "/account", Some(&json!(99)), Some(json!({}))).await;
    assert!(fields(&refused.expect(StatusCode::PRECONDITION_FAILED)["current"]).is_empty());
}

#[tokio::test]
async fn without_the_permission_to_read_nothing_of_a_new_service_account_is_answered() {
    let nexo = nexo().await;
    let boss = nexo.person("*:*").await;
    let blind: TestUser = nexo.member(boss.account, ADMINISTERS).await;
    let made = blind.post("/service-accounts", json!({ "name": "Nightly", "role_ids": [] })).await;
    assert_eq!(fields(&made.expect(StatusCode::CREATED)), ["id", "version"]);
}
