//! Security events of an account: logins, failed logins and changes of rights.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    post, registered,
};

/// Sends a login from a client address.
async fn login_from(nexo: &TestApp, address: &str, email: &str, password: &str) -> TestResponse {
    let body = json!({ "email": email, "password": password }).to_string();
    let headers = [("content-type", "application/json"), ("user-agent", "a browser")];
    TestUser::nobody(&nexo.router)
        .send_from(address, Method::POST, "/api/v1/auth/login", &headers, body)
        .await
}

/// Waits for the newest event of this kind.
async fn event(person: &TestUser, subject: &str, action: &str) -> Value {
    for _ in 0..100 {
        let page = person.get("/security-events?limit=200").await.expect(StatusCode::OK);
        let found = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["subject"] == subject && one["action"] == action);
        if let Some(found) = found {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {subject} {action} was noted")
}

#[tokio::test]
async fn successful_and_failed_logins_are_listed_with_their_origin() {
    let acme = Company::new().await;
    login_from(&acme.nexo, "198.51.100.7:1", "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    login_from(&acme.nexo, "203.0.113.9:1", "ana@acme.test", "wrong").await.expect(StatusCode::UNAUTHORIZED);
    let opened = event(&acme.ana, "session", "opened").await;
    assert_eq!(
        opened["details"],
        json!({ "ip": "198.51.100.7", "user_agent": "a browser", "user": acme.ana.user })
    );
    let failed = event(&acme.ana, "login", "failed").await;
    assert_eq!((&failed["details"]["ip"], &failed["actor"]), (&json!("203.0.113.9"), &json!(acme.ana.user)));
    let sessions = acme.ana.get("/auth/sessions").await.expect(StatusCode::OK);
    assert!(sessions["data"].as_array().unwrap().iter().any(|one| one["ip"] == "198.51.100.7"), "{sessions}");
}

#[tokio::test]
async fn changes_of_rights_and_ends_of_sessions_are_shown_to_permitted_readers() {
    let acme = Company::new().await;
    let eve = acme.somebody("viewer").await;
    acme.appoint(&acme.ana, eve.user, &["employee"]).await.expect(StatusCode::OK);
    let changed = event(&acme.ana, "member", "changed").await;
    assert_eq!(
        (&changed["before"]["roles"], &changed["details"]["roles"]),
        (&json!(["viewer"]), &json!(["employee"]))
    );
    let tokens = post(&acme.nexo, "login", json!({ "email": "ana@acme.test", "password": PASSWORD })).await;
    let tokens = tokens.expect(StatusCode::OK);
    let again = json!({ "refresh_token": tokens["refresh_token"] });
    let next = post(&acme.nexo, "refresh", again.clone()).await.expect(StatusCode::OK);
    let next = json!({ "refresh_token": next["refresh_token"] });
    post(&acme.nexo, "refresh", next).await.expect(StatusCode::OK);
    post(&acme.nexo, "refresh", again).await.expect(StatusCode::UNAUTHORIZED);
    event(&acme.ana, "session", "reused").await;

    let viewer = acme.somebody("viewer").await;
    assert_eq!(viewer.get("/security-events").await.status, StatusCode::FORBIDDEN);
    let stranger = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    let theirs = stranger.get("/security-events").await.expect(StatusCode::OK);
    assert!(!theirs.to_string().contains(&acme.ana.user.to_string()), "{theirs}");
}

#[tokio::test]
async fn guesses_from_one_address_are_counted_over_all_users() {
    let acme = Company::new().await;
    let mut told = Vec::new();
    // Ten at a time, since an address has only a share of the hashing queue.
    for turn in 0..8 {
        let mut guesses = tokio::task::JoinSet::new();
        for guess in 0..10 {
            let (nexo, email) = (acme.nexo.clone(), format!("somebody{turn}-{guess}@acme.test"));
            guesses.spawn(async move { login_from(&nexo, "203.0.113.9:1", &email, "wrong").await.status });
        }
        told.extend(guesses.join_all().await);
        // Extends the wait, so that slow machines do not outlast it.
        let longer = "update app.login_attempts set blocked_until = now() + interval '5 minutes' where blocked_until is not null";
        acme.nexo.ground.database.run(longer).await;
    }
    let of = |status| told.iter().filter(|told| **told == status).count();
    assert_eq!((of(StatusCode::UNAUTHORIZED), of(StatusCode::TOO_MANY_REQUESTS)), (50, 30));
    let blocked = login_from(&acme.nexo, "203.0.113.9:2", "ana@acme.test", PASSWORD).await;
    assert_eq!(blocked.status, StatusCode::TOO_MANY_REQUESTS);
    login_from(&acme.nexo, "198.51.100.7:1", "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn many_who_come_in_from_one_address_do_not_hold_each_other_up() {
    let acme = Company::new().await;
    for _ in 0..60 {
        login_from(&acme.nexo, "203.0.113.9:1", "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    }
}

/// Forwarded addresses are only accepted from trusted proxies.
#[tokio::test]
async fn what_a_client_says_about_its_address_is_not_believed() {
    let acme = Company::new().await;
    let body = json!({ "email": "ana@acme.test", "password": PASSWORD }).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-for", "198.51.100.7"),
        ("forwarded", "for=198.51.100.7"),
    ];
    let nobody = TestUser::nobody(&acme.nexo.router);
    nobody
        .send_from("203.0.113.9:1", Method::POST, "/api/v1/auth/login", &headers, body)
        .await
        .expect(StatusCode::OK);
    assert_eq!(event(&acme.ana, "session", "opened").await["details"]["ip"], "203.0.113.9");
}

#[tokio::test]
async fn an_administrator_sees_waiting_logins_and_ends_the_wait() {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &registered(&acme.nexo, "ben@other.test", "Other").await);
    for _ in 0..6 {
        login_from(&acme.nexo, "203.0.113.9:1", "ana@acme.test", "wrong").await;
    }
    let right = || login_from(&acme.nexo, "198.51.100.7:1", "ana@acme.test", PASSWORD);
    assert_eq!(right().await.status, StatusCode::TOO_MANY_REQUESTS);
    let path = format!("/members/{}", acme.ana.user);
    let seen = acme.ana.get(&path).await.expect(StatusCode::OK);
    assert!(seen["locked_until"].is_string(), "{seen}");
    let lock = format!("{path}/lock");
    assert_eq!(ben.send(Method::DELETE, &lock, None, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(acme.ana.send(Method::DELETE, &lock, None, None).await.status, StatusCode::NO_CONTENT);
    assert!(acme.ana.get(&path).await.body.get("locked_until").is_none());
    right().await.expect(StatusCode::OK);
    event(&acme.ana, "member", "unlocked").await;
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(acme.ana.send(Method::DELETE, &lock, None, None).await.status.as_u16());
    }
    assert_eq!(told, [204, 204, 204, 204, 429, 429], "lifting locks must not be a way to guess without end");
}
