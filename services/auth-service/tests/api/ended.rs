//! What ends a session, and thereby revokes its tokens.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestResponse, TestUser};

use crate::{PASSWORD, is_told, me, nexo, post, registered};

fn holder(nexo: &TestApp, tokens: &Value) -> TestUser {
    TestUser { token: tokens["access_token"].as_str().unwrap().to_owned(), ..TestUser::nobody(&nexo.router) }
}

async fn login(nexo: &TestApp, email: &str, password: &str) -> TestResponse {
    post(nexo, "login", json!({ "email": email, "password": password })).await
}

/// Opens two sessions of Ana.
async fn two(nexo: &TestApp) -> (Value, Value) {
    let first = registered(nexo, "ana@acme.test", "Acme").await;
    (first, login(nexo, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK))
}

async fn is_refused(nexo: &TestApp, tokens: &Value) {
    assert_eq!(me(nexo, tokens).await.status, StatusCode::UNAUTHORIZED);
    let refreshed = post(nexo, "refresh", json!({ "refresh_token": tokens["refresh_token"] })).await;
    assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED);
    assert!(
        is_told(nexo, tokens["access_token"].as_str().unwrap()).await,
        "who looks at the token alone knows it too"
    );
}

#[tokio::test]
async fn after_a_logout_the_very_next_request_is_refused() {
    let nexo = nexo().await;
    let (first, second) = two(&nexo).await;
    holder(&nexo, &first).send(Method::POST, "/auth/logout", None, None).await.expect(StatusCode::NO_CONTENT);
    is_refused(&nexo, &first).await;
    me(&nexo, &second).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_one() {
    let nexo = nexo().await;
    let (first, second) = two(&nexo).await;
    let ana = holder(&nexo, &second);
    let listed = ana.get("/auth/sessions").await.expect(StatusCode::OK);
    let sessions = listed["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|one| one["current"] == true).count(), 1);
    assert!(sessions.iter().all(|one| one["user_agent"] == "tests"), "{listed}");
    let other =
        sessions.iter().find(|one| one["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/auth/sessions/{other}");
    ana.send(Method::DELETE, &path, None, None).await.expect(StatusCode::NO_CONTENT);
    is_refused(&nexo, &first).await;
    ana.send(Method::DELETE, &path, None, None).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(ana.get("/auth/sessions").await.expect(StatusCode::OK)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_member_sees_and_ends_only_their_own_sessions() {
    let nexo = nexo().await;
    let (first, _) = two(&nexo).await;
    let ana = holder(&nexo, &first).get("/auth/sessions").await.expect(StatusCode::OK);
    let ben = registered(&nexo, "ben@other.test", "Other").await;
    let ben = holder(&nexo, &ben);
    assert_eq!(ben.get("/auth/sessions").await.expect(StatusCode::OK)["data"].as_array().unwrap().len(), 1);
    for session in ana["data"].as_array().unwrap() {
        let path = format!("/auth/sessions/{}", session["id"].as_str().unwrap());
        assert_eq!(ben.send(Method::DELETE, &path, None, None).await.status, StatusCode::NOT_FOUND);
    }
    me(&nexo, &first).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn all_other_sessions_end_at_once() {
    let nexo = nexo().await;
    let (first, second) = two(&nexo).await;
    let path = "/auth/sessions/end-others";
    holder(&nexo, &second).send(Method::POST, path, None, None).await.expect(StatusCode::NO_CONTENT);
    is_refused(&nexo, &first).await;
    me(&nexo, &second).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_in_every_account() {
    let nexo = nexo().await;
    let (first, second) = two(&nexo).await;
    let elsewhere = registered(&nexo, "ben@other.test", "Other").await;
    // Ana becomes a member of Ben's account as well.
    let join = format!(
        "insert into app.memberships (account_id, user_id) values ('{account}', '{user}');
         insert into app.member_roles select account_id, '{user}', id from app.roles where account_id = '{account}' and name = 'viewer'",
        account = elsewhere["account_id"].as_str().unwrap(),
        user = first["user_id"].as_str().unwrap()
    );
    nexo.ground.database.run(&join).await;
    let other = json!({ "email": "ana@acme.test", "password": PASSWORD, "account": "other" });
    let abroad = post(&nexo, "login", other).await.expect(StatusCode::OK);
    let ana = holder(&nexo, &second);
    let wish = |now: &str, new: &str| json!({ "current_password": now, "new_password": new });
    let refused = ana.post("/auth/password", wish("wrong", "another-lantern-orbit")).await;
    assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "password-wrong");
    ana.post("/auth/password", wish(PASSWORD, "password1")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    ana.post("/auth/password", wish(PASSWORD, "another-lantern-orbit")).await.expect(StatusCode::NO_CONTENT);
    me(&nexo, &second).await.expect(StatusCode::OK);
    is_refused(&nexo, &first).await;
    is_refused(&nexo, &abroad).await;
    me(&nexo, &elsewhere).await.expect(StatusCode::OK);
    assert_eq!(login(&nexo, "ana@acme.test", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    login(&nexo, "ana@acme.test", "another-lantern-orbit").await.expect(StatusCode::OK);
}

/// Tokens carry present rights: a token of an earlier epoch is rejected, the next one is valid.
#[tokio::test]
async fn a_token_of_an_earlier_epoch_is_refused_and_the_next_one_is_good() {
    let nexo = nexo().await;
    let (first, _) = two(&nexo).await;
    nexo.ground.database.run("update app.sessions set epoch = epoch + 1").await;
    assert_eq!(me(&nexo, &first).await.status, StatusCode::UNAUTHORIZED);
    let next = post(&nexo, "refresh", json!({ "refresh_token": first["refresh_token"] })).await;
    me(&nexo, &next.expect(StatusCode::OK)).await.expect(StatusCode::OK);
}
