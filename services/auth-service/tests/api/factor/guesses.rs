//! Guessing codes is throttled, and reveals nothing without the password.

use http::StatusCode;
use serde_json::json;

use super::{Ana, refused};
use crate::{PASSWORD, post};

#[tokio::test]
async fn a_hundred_wrong_codes_at_once_count_as_a_hundred_and_the_right_one_waits_as_well() {
    let ana = Ana::with().await;
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..100 {
        let nexo = ana.nexo.clone();
        let code = if guess % 2 == 0 { format!("{guess:06}") } else { format!("AAAA-{guess:04}") };
        guesses.spawn(async move {
            let body = json!({ "email": "ana@acme.test", "password": PASSWORD, "code": code });
            post(&nexo, "login", body).await
        });
    }
    let answers = guesses.join_all().await;
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(StatusCode::UNAUTHORIZED), of(StatusCode::TOO_MANY_REQUESTS)), (5, 95));
    let right = ana.code(1);
    refused(ana.login(Some(&right)).await, StatusCode::TOO_MANY_REQUESTS, "too-many-attempts");
    ana.run("update app.login_attempts set blocked_until = now() - interval '1 second'").await;
    ana.login(Some(&right)).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn passwords_that_are_right_and_lack_a_code_are_counted_until_all_is_right() {
    let ana = Ana::with().await;
    for round in 0..2 {
        for _ in 0..4 {
            refused(ana.login(None).await, StatusCode::UNAUTHORIZED, "second-factor-required");
        }
        ana.login(Some(&ana.recovery[round])).await.expect(StatusCode::OK);
    }
    for _ in 0..5 {
        refused(ana.login(None).await, StatusCode::UNAUTHORIZED, "second-factor-required");
    }
    refused(ana.login(None).await, StatusCode::TOO_MANY_REQUESTS, "too-many-attempts");
}

/// A right password resets its counter, which a client with a token can do as often as it likes.
#[tokio::test]
async fn guesses_of_codes_with_token_and_password_are_throttled() {
    let ana = Ana::with().await;
    let mut told = Vec::new();
    for guess in 0..7 {
        let wrong = json!({ "password": PASSWORD, "code": format!("{guess:06}") });
        told.push(ana.person.post("/auth/step-up", wrong).await.status.as_u16());
        let address = format!("ana{guess}@new.test");
        let forgiven = json!({ "new_email": address, "password": PASSWORD });
        ana.person.post("/auth/email", forgiven).await.expect(StatusCode::ACCEPTED);
    }
    assert_eq!(told, [422, 422, 422, 422, 422, 429, 429]);
}

#[tokio::test]
async fn guesses_of_the_first_code_with_a_token_are_throttled() {
    let mut ana = Ana::without().await;
    ana.begin().await;
    let mut told = Vec::new();
    for guess in 0..7 {
        let wrong = json!({ "code": format!("{guess:06}") });
        told.push(ana.person.post("/auth/second-factor/confirm", wrong).await.status.as_u16());
    }
    assert_eq!(told, [422, 422, 422, 422, 422, 429, 429]);
}

#[tokio::test]
async fn a_second_factor_is_not_revealed_without_the_password() {
    let ana = Ana::with().await;
    crate::registered(&ana.nexo, "ben@other.test", "Other").await;
    let mut told = Vec::new();
    for email in ["ana@acme.test", "ben@other.test", "nobody@acme.test"] {
        for code in [None, Some("123456"), Some(ana.code(1).as_str()), Some(ana.recovery[0].as_str())] {
            let body = json!({ "email": email, "password": "wrong", "code": code });
            let mut problem = post(&ana.nexo, "login", body).await.expect(StatusCode::UNAUTHORIZED);
            problem["request_id"].take();
            told.push(problem);
        }
    }
    assert_eq!(told[0]["code"], "login-failed");
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    ana.login(Some(&ana.code(1))).await.expect(StatusCode::OK);
    let ben = json!({ "email": "ben@other.test", "password": PASSWORD, "code": "123456" });
    post(&ana.nexo, "login", ben).await.expect(StatusCode::OK);
}
