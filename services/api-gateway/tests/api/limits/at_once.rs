//! Limits of concurrent requests per account.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use futures::StreamExt as _;
use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use testkit::{TestApp, TestContext, TestUser};
use tokio::{net::TcpListener, time::sleep};
use tower::ServiceExt as _;

use super::PLAN_TTL;
use crate::{gateway_with, send};

/// A gateway in front of a service that responds after a minute, or with an endless body.
async fn gateway() -> TestApp {
    let endless = async || {
        let begun = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"begun"))]);
        Body::from_stream(begun.chain(futures::stream::pending()))
    };
    let router = Router::new()
        .route("/api/v1/slow", get(async || sleep(Duration::from_secs(60)).await))
        .route("/api/v1/endless", get(endless))
        .fallback(async || "{}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let ground = TestContext::new("nexo_app").await;
    ground.database.run("update app.plan_limits set at_once = 2 where plan = 'free'").await;
    let settings =
        [("NEXO_AUTH_URL", &*address), ("NEXO_CRM_URL", &address), ("NEXO_UPSTREAM_TIMEOUT_SECONDS", "20")];
    gateway_with(ground, &settings, |config| config.plan_ttl = PLAN_TTL)
}

async fn quick(person: &TestUser) -> StatusCode {
    send(person, Method::GET, "/api/v1/quick", &[]).await.status
}

#[tokio::test]
async fn a_request_holds_its_place_until_it_is_dropped() {
    let nexo = gateway().await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let ana = ana.clone();
            tokio::spawn(async move { send(&ana, Method::GET, "/api/v1/slow", &[]).await })
        })
        .collect();
    while send(&ana, Method::GET, "/api/rate-limit", &[]).await.body["running"] != 2 {
        sleep(Duration::from_millis(10)).await;
    }
    let refused = send(&ana, Method::GET, "/api/v1/quick", &[]).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(
        refused.header("ratelimit-remaining").unwrap().parse::<u32>().unwrap() > 100,
        "the rate is not why"
    );
    assert_eq!(quick(&ben).await, StatusCode::OK);
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    for one in slow {
        assert!(one.await.unwrap_err().is_cancelled());
    }
    assert_eq!(quick(&ana).await, StatusCode::OK);
}

#[tokio::test]
async fn a_request_holds_its_place_until_its_answer_has_gone() {
    let nexo = gateway().await;
    let ana = nexo.person("").await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = Request::get("/api/v1/endless").header(AUTHORIZATION, format!("Bearer {}", ana.token));
        let answer = nexo.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answers.push(answer);
    }
    assert_eq!(quick(&ana).await, StatusCode::TOO_MANY_REQUESTS);
    answers.pop();
    assert_eq!(quick(&ana).await, StatusCode::OK);
}

#[tokio::test]
async fn accounts_that_were_opened_by_the_dozen_share_what_runs_from_one_address() {
    let nexo = gateway().await;
    let quick_from = async |person: &TestUser, address: &str| {
        person.send_from(address, Method::GET, "/api/v1/quick", &[], "").await.status
    };
    let mut slow = Vec::new();
    for _ in 0..4 {
        let one = nexo.person("").await;
        let asking = one.clone();
        slow.push(tokio::spawn(async move {
            asking.send_from("192.0.2.7:1", Method::GET, "/api/v1/slow", &[], "").await
        }));
        while send(&one, Method::GET, "/api/rate-limit", &[]).await.body["running"] != 1 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    let fifth = nexo.person("").await;
    assert_eq!(quick_from(&fifth, "192.0.2.7:2").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(quick_from(&fifth, "192.0.2.8:1").await, StatusCode::OK);
    let paid =
        format!("update app.account_directory set plan = 'starter' where account_id = '{}'", fifth.account);
    nexo.ground.database.run(&paid).await;
    while quick_from(&fifth, "192.0.2.7:2").await != StatusCode::OK {
        sleep(Duration::from_millis(20)).await; // a plan is cached
    }
    slow.iter().for_each(tokio::task::JoinHandle::abort);
}
