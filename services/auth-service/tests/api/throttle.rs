//! Guessing passwords is throttled.

use http::StatusCode;
use serde_json::json;
use testkit::TestContext;

use crate::{PASSWORD, nexo, nexo_on, post, registered};

#[tokio::test]
async fn a_hundred_guesses_at_once_count_as_a_hundred_and_the_right_one_waits_as_well() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..100 {
        let nexo = nexo.clone();
        guesses.spawn(async move {
            let body = json!({ "email": "Ana@acme.test", "password": format!("guess {guess}") });
            post(&nexo, "login", body).await
        });
    }
    let answers = guesses.join_all().await;
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(StatusCode::UNAUTHORIZED), of(StatusCode::TOO_MANY_REQUESTS)), (5, 95));
    let right = json!({ "email": "ana@acme.test", "password": PASSWORD });
    let waits = post(&nexo, "login", right.clone()).await;
    assert!(waits.header("retry-after").unwrap().parse::<u32>().unwrap() <= 5);
    assert_eq!(waits.expect(StatusCode::TOO_MANY_REQUESTS)["code"], "too-many-attempts");
    nexo.ground
        .database
        .run("update app.login_attempts set blocked_until = now() - interval '1 second'")
        .await;
    post(&nexo, "login", right.clone()).await.expect(StatusCode::OK);
    for _ in 0..4 {
        let wrong = json!({ "email": "ana@acme.test", "password": "wrong" });
        post(&nexo, "login", wrong).await.expect(StatusCode::UNAUTHORIZED);
    }
    post(&nexo, "login", right).await.expect(StatusCode::OK);
}

/// Otherwise each guess of a flood would be logged and flushed by the database.
#[tokio::test]
async fn an_attempt_that_has_to_wait_writes_nothing() {
    let nexo = nexo().await;
    let wrong = json!({ "email": "ana@acme.test", "password": "wrong" });
    for _ in 0..5 {
        post(&nexo, "login", wrong.clone()).await.expect(StatusCode::UNAUTHORIZED);
    }
    let mut look = nexo.ground.database.look().await;
    let written = "select string_agg(concat_ws(' ', xmin, xmax), ',') from app.login_attempts";
    let (before,): (String,) = sqlx::query_as(written).fetch_one(&mut look).await.unwrap();
    post(&nexo, "login", wrong).await.expect(StatusCode::TOO_MANY_REQUESTS);
    let (after,): (String,) = sqlx::query_as(written).fetch_one(&mut look).await.unwrap();
    assert_eq!(before, after, "neither a row nor a lock");
}

#[tokio::test]
async fn logins_beyond_capacity_are_asked_to_retry_and_not_counted_as_failures() {
    let small = [("NEXO_HASHING_THREADS", "1"), ("NEXO_HASHING_QUEUE", "4")];
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &small).await;
    let mut storm = tokio::task::JoinSet::new();
    for at in 0..40 {
        let nexo = nexo.clone();
        storm.spawn(async move {
            let body = json!({ "email": format!("stranger{at}@storm.test"), "password": "wrong" });
            post(&nexo, "login", body).await
        });
    }
    let (tried, sent_away): (Vec<_>, Vec<_>) =
        storm.join_all().await.into_iter().partition(|answer| answer.status == StatusCode::UNAUTHORIZED);
    for answer in &sent_away {
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
        );
    }
    assert!(tried.len() >= 4 && sent_away.len() >= 20, "{} tried, {} not", tried.len(), sent_away.len());
    let mut look = nexo.ground.database.look().await;
    let (counted,): (i64,) =
        sqlx::query_as("select count(*) from app.login_attempts").fetch_one(&mut look).await.unwrap();
    assert_eq!(usize::try_from(counted).unwrap(), tried.len());
}

#[tokio::test]
async fn guesses_of_the_password_with_a_token_are_throttled() {
    let nexo = nexo().await;
    let tokens = registered(&nexo, "ana@acme.test", "Acme").await;
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let thief = testkit::TestUser { token, ..testkit::TestUser::nobody(&nexo.router) };
    let mut told = Vec::new();
    for guess in 0..6 {
        let body =
            json!({ "current_password": format!("guess {guess}"), "new_password": "another-lantern-orbit" });
        told.push(thief.post("/auth/password", body).await.status.as_u16());
    }
    assert_eq!(told, [422, 422, 422, 422, 422, 429]);
}

/// Unknown users are throttled like known ones, so that they cannot be told apart.
#[tokio::test]
async fn unknown_people_are_counted_alike_and_others_are_not_held_up() {
    let nexo = nexo().await;
    registered(&nexo, "ben@other.test", "Other").await;
    let mut told = Vec::new();
    for _ in 0..7 {
        let body = json!({ "email": "nobody@acme.test", "password": "wrong" });
        told.push(post(&nexo, "login", body).await.status.as_u16());
    }
    assert_eq!(told, [401, 401, 401, 401, 401, 429, 429]);
    let old = "insert into app.login_attempts (key, last_at) select sha256(n::text::bytea), now() - interval '2 hours' from generate_series(1, 10) n";
    nexo.ground.database.run(old).await;
    let ben = json!({ "email": "ben@other.test", "password": PASSWORD });
    post(&nexo, "login", ben).await.expect(StatusCode::OK);
    let mut look = nexo.ground.database.look().await;
    let (rows, kept): (i64, String) =
        sqlx::query_as("select count(*), string_agg(encode(key, 'escape'), ' ') from app.login_attempts")
            .fetch_one(&mut look)
            .await
            .unwrap();
    assert!(!kept.contains("acme"), "what was typed is not kept");
    // Rows of the unknown e-mail, and of Ben's login, e-mails and confirmation.
    assert_eq!(rows, 4, "and what is long forgotten is gone");
}
