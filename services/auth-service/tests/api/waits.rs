//! Throttling: what others do at an address, or with an e-mail, locks out no user for long.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};

use crate::{PASSWORD, letter, nexo, nexo_on, post, registered, registration};

/// Shared client address of an office, or of an attacker.
const HERE: &str = "203.0.113.9:1";

async fn post_from(nexo: &TestApp, address: &str, path: &str, body: Value) -> TestResponse {
    let path = format!("/api/v1/auth/{path}");
    let headers = [("content-type", "application/json")];
    TestUser::nobody(&nexo.router).send_from(address, Method::POST, &path, &headers, body.to_string()).await
}

async fn login_from(nexo: &TestApp, address: &str, email: &str, password: &str) -> TestResponse {
    post_from(nexo, address, "login", json!({ "email": email, "password": password })).await
}

/// Guesses passwords from there until the address has to wait.
async fn guess(nexo: &TestApp) {
    for guess in 0..50 {
        let answer = login_from(nexo, HERE, &format!("guess{guess}@nobody.test"), "wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // Long enough for the test on slow machines.
    let longer = "update app.login_attempts set blocked_until = now() + interval '10 minutes' where address is not null";
    nexo.ground.database.run(longer).await;
    let waits = login_from(nexo, HERE, "other@nobody.test", "wrong").await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_wait_of_an_address_does_not_hold_back_users_who_logged_in_from_it() {
    let nexo = nexo().await;
    for (email, account) in [("ana@acme.test", "Acme"), ("ben@other.test", "Other")] {
        registered(&nexo, email, account).await;
    }
    login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    guess(&nexo).await;
    login_from(&nexo, HERE, " ANA@acme.test", PASSWORD).await.expect(StatusCode::OK);
    let ben = login_from(&nexo, HERE, "ben@other.test", PASSWORD).await;
    assert_eq!(ben.status, StatusCode::TOO_MANY_REQUESTS, "who was never here");
    let still = login_from(&nexo, HERE, "other@nobody.test", "wrong").await;
    assert_eq!(still.status, StatusCode::TOO_MANY_REQUESTS, "her login lifts the wait of nobody else");
    let mut look = nexo.ground.database.look().await;
    let (kept,): (String,) =
        sqlx::query_as("select string_agg(encode(key, 'escape'), ' ') from app.known_logins")
            .fetch_one(&mut look)
            .await
            .unwrap();
    assert!(!kept.contains("acme") && !kept.contains("203"), "neither e-mail nor address is kept");

    nexo.ground.database.run("update app.known_logins set last_at = now() - interval '31 days'").await;
    let late = login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS, "after 30 days");
    login_from(&nexo, "198.51.100.7:1", "ben@other.test", PASSWORD).await.expect(StatusCode::OK);
    let (kept,): (i64,) =
        sqlx::query_as("select count(*) from app.known_logins").fetch_one(&mut look).await.unwrap();
    assert_eq!(kept, 1, "what is older is removed");
}

#[tokio::test]
async fn ten_attempts_a_minute_pass_a_waiting_address() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    guess(&nexo).await;
    for _ in 0..10 {
        login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    }
    let eleventh = login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await;
    assert!(eleventh.header("retry-after").is_some());
    assert_eq!(eleventh.status, StatusCode::TOO_MANY_REQUESTS);
    let a_minute_ago = "update app.known_logins set passed = array(select at - interval '61 seconds' from unnest(passed) at)";
    nexo.ground.database.run(a_minute_ago).await;
    login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_wait_of_an_email_applies_beside_that_of_an_address() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    guess(&nexo).await;
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(login_from(&nexo, HERE, "ana@acme.test", "wrong").await.status.as_u16());
    }
    assert_eq!(told, [401, 401, 401, 401, 401, 429, 429]);
}

/// Attempts rejected because the address waits do not count against the e-mail.
#[tokio::test]
async fn what_a_waiting_address_refuses_makes_no_email_wait() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    guess(&nexo).await;
    for _ in 0..7 {
        let refused = login_from(&nexo, HERE, "ana@acme.test", "wrong").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    }
    login_from(&nexo, "198.51.100.7:1", "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_wait_of_an_address_holds_back_neither_registrations_nor_letters() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    guess(&nexo).await;
    let new = registration("new@acme.test", "New");
    post_from(&nexo, HERE, "register", new).await.expect(StatusCode::ACCEPTED);
    let email = json!({ "email": "new@acme.test" });
    post_from(&nexo, HERE, "register/resend", email).await.expect(StatusCode::ACCEPTED);
    let shown = json!({ "token": letter(&nexo, "new@acme.test").await["token"], "password": PASSWORD });
    post_from(&nexo, HERE, "register/confirm", shown).await.expect(StatusCode::CREATED);
    login_from(&nexo, HERE, "new@acme.test", PASSWORD).await.expect(StatusCode::OK); // first login from that address
    let email = json!({ "email": "ana@acme.test" });
    post_from(&nexo, HERE, "password/reset", email).await.expect(StatusCode::ACCEPTED);
    let reset = json!({ "token": letter(&nexo, "ana@acme.test").await["token"], "new_password": "another-lantern-orbit" });
    assert_eq!(post_from(&nexo, HERE, "password/reset/confirm", reset).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn another_password_by_letter_ends_the_wait_of_wrong_ones() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let login = |password: &str| json!({ "email": "ana@acme.test", "password": password });
    for _ in 0..5 {
        post(&nexo, "login", login("wrong")).await.expect(StatusCode::UNAUTHORIZED);
    }
    post(&nexo, "login", login(PASSWORD)).await.expect(StatusCode::TOO_MANY_REQUESTS);
    post(&nexo, "password/reset", json!({ "email": "ana@acme.test" })).await.expect(StatusCode::ACCEPTED);
    post(&nexo, "login", login(PASSWORD)).await.expect(StatusCode::TOO_MANY_REQUESTS);
    let token = letter(&nexo, "ana@acme.test").await["token"].clone();
    let reset = json!({ "token": token, "new_password": "another-lantern-orbit" });
    assert_eq!(post(&nexo, "password/reset/confirm", reset).await.status, StatusCode::NO_CONTENT);
    post(&nexo, "login", login("another-lantern-orbit")).await.expect(StatusCode::OK);
}

/// Phones append a space to completed words.
#[tokio::test]
async fn what_stands_around_an_email_is_not_part_of_it() {
    let nexo = nexo().await;
    let new = registration("  ana@acme.test\t", "Acme");
    let sent = post(&nexo, "register", new).await.expect(StatusCode::ACCEPTED);
    assert_eq!(sent["sent_to"], "ana@acme.test");
    let shown = json!({ "token": letter(&nexo, "ana@acme.test").await["token"], "password": PASSWORD });
    let tokens = post(&nexo, "register/confirm", shown).await.expect(StatusCode::CREATED);
    for email in ["ana@acme.test ", " ana@acme.test", "\u{a0}Ana@acme.test\n"] {
        post(&nexo, "login", json!({ "email": email, "password": PASSWORD })).await.expect(StatusCode::OK);
        post(&nexo, "password/reset", json!({ "email": email })).await.expect(StatusCode::ACCEPTED);
    }
    let ana = crate::company::person(&nexo, &tokens);
    let role = ana.get("/roles").await.expect(StatusCode::OK)["data"][0]["id"].clone();
    let invitation = json!({ "email": " eve@acme.test ", "role_id": role });
    let invited = ana.post("/invitations", invitation).await.expect(StatusCode::CREATED);
    assert_eq!(invited["email"], "eve@acme.test");
    let moved = json!({ "new_email": " ana@new.test ", "password": PASSWORD });
    assert_eq!(ana.post("/auth/email", moved).await.expect(StatusCode::ACCEPTED)["sent_to"], "ana@new.test");
    let empty = post(&nexo, "login", json!({ "email": "  ", "password": PASSWORD })).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// One address gets a quarter of the hashing queue, so that others can still log in.
#[tokio::test]
async fn a_flood_of_logins_from_one_address_does_not_block_others() {
    let small = [("NEXO_HASHING_THREADS", "1"), ("NEXO_HASHING_QUEUE", "8")];
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &small).await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let mut flood = tokio::task::JoinSet::new();
    for at in 0..64 {
        let (nexo, email) = (nexo.clone(), format!("stranger{at}@flood.test"));
        flood.spawn(async move { login_from(&nexo, HERE, &email, "wrong").await });
    }
    for _ in 0..5 {
        login_from(&nexo, "198.51.100.7:1", "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    }
    let told = flood.join_all().await;
    let refused: Vec<_> = told.iter().filter(|answer| answer.status != StatusCode::UNAUTHORIZED).collect();
    assert!(refused.len() >= 32, "{} of 64 were refused", refused.len());
    for answer in refused {
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (StatusCode::TOO_MANY_REQUESTS, Some("1")),
            "its share is taken: {answer:?}"
        );
    }
}

/// A storm from many addresses fills the queue, but not the places of those who are known.
#[tokio::test]
async fn a_known_user_logs_in_while_strangers_of_many_addresses_fill_the_queue() {
    let small = [("NEXO_HASHING_THREADS", "1"), ("NEXO_HASHING_QUEUE", "4")];
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &small).await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    let mut storm = tokio::task::JoinSet::new();
    for at in 0..64 {
        let (nexo, email) = (nexo.clone(), format!("stranger{at}@storm.test"));
        storm.spawn(
            async move { login_from(&nexo, &format!("198.51.100.{at}:1"), &email, "wrong").await.status },
        );
    }
    for _ in 0..3 {
        login_from(&nexo, HERE, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    }
    let told = storm.join_all().await;
    assert!(told.contains(&StatusCode::SERVICE_UNAVAILABLE), "the queue was full: {told:?}");
    assert!(told.iter().all(|told| [401, 503].contains(&told.as_u16())), "{told:?}");
}

/// One account cannot occupy the whole hashing queue either.
#[tokio::test]
async fn a_flood_of_passwords_from_one_account_does_not_block_others() {
    let small = [("NEXO_HASHING_THREADS", "1"), ("NEXO_HASHING_QUEUE", "8")];
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &small).await;
    let eve = crate::company::person(&nexo, &registered(&nexo, "eve@evil.test", "Evil").await);
    registered(&nexo, "ana@acme.test", "Acme").await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let eve = eve.clone();
        flood.spawn(async move { eve.post("/auth/step-up", json!({ "password": PASSWORD })).await.status });
    }
    for _ in 0..5 {
        post(&nexo, "login", json!({ "email": "ana@acme.test", "password": PASSWORD }))
            .await
            .expect(StatusCode::OK);
    }
    // On a slow machine some requests time out waiting for a database connection: 503.
    let told = flood.join_all().await;
    assert!(told.contains(&StatusCode::TOO_MANY_REQUESTS), "{told:?}");
    assert!(told.iter().all(|told| [204, 429, 503].contains(&told.as_u16())), "{told:?}");
}
