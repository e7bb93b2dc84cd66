//! Dangerous operations need a recent login.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use super::{Ana, refused};
use crate::{PASSWORD, company::person, post};

const AGE: &str = "update app.sessions set authenticated_at = now() - interval '16 minutes'";

async fn version(person: &TestUser) -> Value {
    let rules = person.get("/account").await;
    json!({ "version": rules.header("etag").unwrap().trim_matches('"').parse::<i64>().unwrap() })
}

/// Sends a request for each dangerous operation.
async fn dangerous(person: &TestUser) -> Vec<(&'static str, TestResponse)> {
    let somebody = uuid::Uuid::now_v7();
    let connection = json!({ "issuer": "https://login.acme.test", "client_id": "nexo", "client_secret": "s", "domain": "acme.test" });
    let connections = format!("/oidc-connections/{somebody}");
    vec![
        ("rules", person.patch("/account", &version(person).await, json!({ "session_hours": 5 })).await),
        ("transfer", person.post("/account/ownership-transfers", json!({ "member_id": somebody })).await),
        ("connect", person.post("/oidc-connections", connection).await),
        ("disconnect", person.send(Method::DELETE, &connections, None, None).await),
        (
            "email",
            person.post("/auth/email", json!({ "new_email": "ana@new.test", "password": PASSWORD })).await,
        ),
        ("codes", person.post("/auth/second-factor/recovery-codes", Value::Null).await),
        ("remove", person.send(Method::DELETE, "/auth/second-factor", None, None).await),
    ]
}

#[tokio::test]
async fn dangerous_operations_need_a_fresh_session_and_a_step_up_makes_one() {
    let ana = Ana::with().await;
    ana.run(AGE).await;
    for (operation, answer) in dangerous(&ana.person).await {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{operation}");
        assert_eq!(answer.body["code"], "step-up-required", "{operation}");
        assert!(answer.body["detail"].as_str().unwrap().contains("/auth/step-up"), "{operation}");
    }
    let shown = ana.person.post("/auth/step-up", json!({ "password": "wrong", "code": ana.code(1) })).await;
    assert_eq!(shown.body["errors"][0]["pointer"], "/password");
    refused(shown, StatusCode::UNPROCESSABLE_ENTITY, "password-wrong");
    let shown = ana.person.post("/auth/step-up", json!({ "password": PASSWORD })).await;
    refused(shown, StatusCode::UNPROCESSABLE_ENTITY, "second-factor-required");
    let shown = ana.person.post("/auth/step-up", json!({ "password": PASSWORD, "code": ana.code(5) })).await;
    refused(shown, StatusCode::UNPROCESSABLE_ENTITY, "second-factor-wrong");
    let shown = ana.person.post("/auth/step-up", json!({ "password": PASSWORD, "code": ana.code(1) })).await;
    assert_eq!(shown.status, StatusCode::NO_CONTENT, "{}", shown.body);
    let told: Vec<_> = dangerous(&ana.person)
        .await
        .into_iter()
        .map(|(name, answer)| (name, answer.status.as_u16()))
        .collect();
    let expected = [
        ("rules", 200),
        ("transfer", 404),
        ("connect", 422),
        ("disconnect", 404),
        ("email", 202),
        ("codes", 200),
        ("remove", 204),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn without_a_factor_the_password_is_enough_and_an_address_changes_as_before() {
    let ana = Ana::without().await;
    ana.run(AGE).await;
    let rules = version(&ana.person).await;
    let change = json!({ "session_hours": 5 });
    refused(
        ana.person.patch("/account", &rules, change.clone()).await,
        StatusCode::FORBIDDEN,
        "step-up-required",
    );
    let email = json!({ "new_email": "ana@new.test", "password": PASSWORD });
    ana.person.post("/auth/email", email).await.expect(StatusCode::ACCEPTED);
    let shown = ana.person.post("/auth/step-up", json!({ "password": PASSWORD })).await;
    assert_eq!(shown.status, StatusCode::NO_CONTENT);
    ana.person.patch("/account", &rules, change).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_opened_for_a_token_is_as_fresh_as_the_one_of_the_token() {
    let ana = Ana::with().await;
    ana.run(AGE).await;
    let opened = ana.person.post("/accounts", json!({ "name": "Borealis" })).await;
    let there = person(&ana.nexo, &opened.expect(StatusCode::CREATED));
    let switched = ana.person.post(&format!("/accounts/{}/sessions", ana.person.account), json!({})).await;
    let again = person(&ana.nexo, &switched.expect(StatusCode::OK));
    for stale in [there, again] {
        let removed = stale.send(Method::DELETE, "/auth/second-factor", None, None).await;
        refused(removed, StatusCode::FORBIDDEN, "step-up-required");
    }
}

#[tokio::test]
async fn what_other_sessions_have_shown_they_have_shown_without_the_new_factor() {
    let mut ana = Ana::without().await;
    let elsewhere = ana.person.post("/accounts", json!({ "name": "Borealis" })).await;
    let others = [ana.login(None).await.expect(StatusCode::OK), elsewhere.expect(StatusCode::CREATED)];
    ana.begin().await;
    ana.confirm().await;
    for before in &others {
        let other = person(&ana.nexo, before);
        assert_eq!(other.get("/auth/me").await.status, StatusCode::UNAUTHORIZED, "to be refreshed");
        let next = post(&ana.nexo, "refresh", json!({ "refresh_token": before["refresh_token"] })).await;
        let other = person(&ana.nexo, &next.expect(StatusCode::OK));
        let removed = other.send(Method::DELETE, "/auth/second-factor", None, None).await;
        refused(removed, StatusCode::FORBIDDEN, "step-up-required");
    }
    let removed = ana.person.send(Method::DELETE, "/auth/second-factor", None, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "the one that has shown it is fresh");
}
