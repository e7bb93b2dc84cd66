use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestResponse, TestUser};

use crate::{PASSWORD, me, nexo, post, registered};

async fn refresh(nexo: &TestApp, tokens: &Value) -> TestResponse {
    post(nexo, "refresh", json!({ "refresh_token": tokens["refresh_token"] })).await
}

async fn login(nexo: &TestApp, email: &str, password: &str, account: Option<&str>) -> TestResponse {
    post(nexo, "login", json!({ "email": email, "password": password, "account": account })).await
}

#[tokio::test]
async fn the_login_is_of_the_registered_user() {
    let nexo = nexo().await;
    let first = registered(&nexo, "ana@acme.test", "Acme").await;
    registered(&nexo, "ben@other.test", "Other").await;
    for account in [None, Some("acme")] {
        let tokens = login(&nexo, "Ana@acme.test", PASSWORD, account).await.expect(StatusCode::OK);
        assert_eq!((&tokens["user_id"], &tokens["account_id"]), (&first["user_id"], &first["account_id"]));
        me(&nexo, &tokens).await.expect(StatusCode::OK);
    }
}

#[tokio::test]
async fn a_refused_login_does_not_give_the_reason() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    registered(&nexo, "ben@other.test", "Other").await;
    let mut told = Vec::new();
    for (email, password, account) in [
        ("ana@acme.test", "wrong", None),
        ("nobody@acme.test", PASSWORD, None),
        ("ana@acme.test", PASSWORD, Some("other")),
        ("ana@acme.test", PASSWORD, Some("no-such-account")),
        ("%", PASSWORD, None),
        ("' or 1=1 --", PASSWORD, None),
    ] {
        let mut problem = login(&nexo, email, password, account).await.expect(StatusCode::UNAUTHORIZED);
        problem["request_id"].take();
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    nexo.ground.database.run("update app.users set status = 'suspended' where email = 'ana@acme.test'").await;
    assert_eq!(login(&nexo, "ana@acme.test", PASSWORD, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let nexo = nexo().await;
    let first = registered(&nexo, "ana@acme.test", "Acme").await;
    let second = refresh(&nexo, &first).await.expect(StatusCode::OK);
    let third = refresh(&nexo, &second).await.expect(StatusCode::OK);
    me(&nexo, &third).await.expect(StatusCode::OK);
    assert_ne!(first["refresh_token"], second["refresh_token"]);

    let reused = refresh(&nexo, &first).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(reused["code"], "refresh-token-reused");
    let ended = refresh(&nexo, &third).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(ended["code"], "refresh-token-invalid", "the thief's copy is as dead as the owner's");
}

#[tokio::test]
async fn a_lost_answer_is_given_again_until_its_successor_is_used() {
    let nexo = nexo().await;
    let first = registered(&nexo, "ana@acme.test", "Acme").await;
    let (one, other) = tokio::join!(refresh(&nexo, &first), refresh(&nexo, &first));
    let (one, other) = (one.expect(StatusCode::OK), other.expect(StatusCode::OK));
    assert_eq!(one["refresh_token"], other["refresh_token"], "one successor, not two families");
    // Also if the client repeats the request much later.
    nexo.ground.database.run("update app.sessions set rotated_at = now() - interval '1 hour'").await;
    let late = refresh(&nexo, &first).await.expect(StatusCode::OK);
    assert_eq!(late["refresh_token"], one["refresh_token"]);
    me(&nexo, &late).await.expect(StatusCode::OK);

    let next = refresh(&nexo, &late).await.expect(StatusCode::OK);
    assert_ne!(next["refresh_token"], one["refresh_token"]);
    let reused = refresh(&nexo, &first).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(reused["code"], "refresh-token-reused", "the answer had arrived: somebody has a copy");
    assert_eq!(refresh(&nexo, &next).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&nexo, &next).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn ten_refreshes_at_once_give_one_successor() {
    let nexo = nexo().await;
    let first = registered(&nexo, "ana@acme.test", "Acme").await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (nexo, first) = (nexo.clone(), first.clone());
        asked.spawn(
            async move { refresh(&nexo, &first).await.expect(StatusCode::OK)["refresh_token"].take() },
        );
    }
    let given = asked.join_all().await;
    assert!(given.windows(2).all(|pair| pair[0] == pair[1]), "{given:?}");
}

#[tokio::test]
async fn an_invented_refresh_token_ends_no_session() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    let real = tokens["refresh_token"].as_str().unwrap();
    let last = if real.ends_with('A') { 'E' } else { 'A' };
    let forged = format!("{}{last}", &real[..real.len() - 1]);
    for text in [forged.as_str(), "", "nxr_", "nonsense"] {
        let problem =
            refresh(&nexo, &json!({ "refresh_token": text })).await.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(problem["code"], "refresh-token-invalid");
    }
    refresh(&nexo, &tokens).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    let mut ana = TestUser::nobody(&nexo.router);
    ana.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ana.send(Method::POST, "/auth/logout", None, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refresh(&nexo, &tokens).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&nexo, "logout", json!({})).await.status, StatusCode::UNAUTHORIZED, "of nobody");
}

#[tokio::test]
async fn a_refresh_token_logs_out_without_an_access_token_and_learns_nothing() {
    let nexo = nexo().await;
    let first = registered(&nexo, "ana@acme.test", "Acme").await;
    let second = refresh(&nexo, &first).await.expect(StatusCode::OK);
    let other = login(&nexo, "ana@acme.test", PASSWORD, None).await.expect(StatusCode::OK);
    let real = second["refresh_token"].as_str().unwrap();
    let forged = format!("{}{}", &real[..real.len() - 1], if real.ends_with('A') { 'E' } else { 'A' });
    for unknown in [forged.as_str(), "nxr_", "nonsense", ""] {
        let answer = post(&nexo, "logout", json!({ "refresh_token": unknown })).await;
        assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null), "{unknown}");
    }
    me(&nexo, &second).await.expect(StatusCode::OK);
    // A used refresh token still identifies its session.
    for _ in 0..2 {
        let answer = post(&nexo, "logout", json!({ "refresh_token": first["refresh_token"] })).await;
        assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    }
    assert_eq!(refresh(&nexo, &second).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&nexo, &second).await.status, StatusCode::UNAUTHORIZED);

    let mut ana = TestUser::nobody(&nexo.router);
    for access in ["an expired one".to_owned(), other["access_token"].as_str().unwrap().to_owned()] {
        ana.token = access;
        let answer = ana.post("/auth/logout", json!({ "refresh_token": real })).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(me(&nexo, &other).await.status, StatusCode::UNAUTHORIZED, "both tokens' sessions end");
}

#[tokio::test]
async fn a_suspended_person_gets_no_more_tokens() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    for statement in [
        "update app.users set status = 'suspended'",
        "update app.users set status = 'active'; update app.account_directory set status = 'suspended'",
        "update app.account_directory set status = 'active'; update app.memberships set status = 'suspended'",
    ] {
        nexo.ground.database.run(statement).await;
        assert_eq!(refresh(&nexo, &tokens).await.status, StatusCode::UNAUTHORIZED, "{statement}");
    }
    nexo.ground.database.run("update app.memberships set status = 'active'").await;
    refresh(&nexo, &tokens).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_right_is_the_one_that_the_person_has_when_the_token_is_issued() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    nexo.ground
        .database
        .run("update app.member_roles set role_id = (select id from app.roles where name = 'viewer')")
        .await;
    let next = refresh(&nexo, &tokens).await.expect(StatusCode::OK);
    let me = me(&nexo, &next).await.expect(StatusCode::OK);
    assert_eq!((&me["roles"], &me["permissions"][0]), (&json!(["viewer"]), &json!("*:read")));
}

#[tokio::test]
async fn a_password_is_hashed_again_when_its_hash_is_weak() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let params = Params::new(8192, 1, 1, None).unwrap();
    let weak =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(PASSWORD.as_bytes()).unwrap();
    nexo.ground.database.run(&format!("update app.user_credentials set password_hash = '{weak}'")).await;
    login(&nexo, "ana@acme.test", PASSWORD, None).await.expect(StatusCode::OK);
    let mut look = nexo.ground.database.look().await;
    let (hash,): (String,) =
        sqlx::query_as("select password_hash from app.user_credentials").fetch_one(&mut look).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    login(&nexo, "ana@acme.test", PASSWORD, None).await.expect(StatusCode::OK);
}
