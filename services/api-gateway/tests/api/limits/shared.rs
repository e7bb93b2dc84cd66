//! Gateways that share limits through Redis, and gateways during an outage.

use std::time::Duration;

use http::{Method, StatusCode};
use testkit::{Redis, TestApp, TestContext, TestUser};
use tokio::time::sleep;

use super::{ask, gateway_of, left};
use crate::{lines::Lines, send};

const LIMITS: &str = "reads_per_minute = 6, reads_burst = 20";

async fn gateways(redis: &Redis) -> [TestApp; 2] {
    let ground = TestContext::new("nexo_app").await;
    let (url, logins) = (redis.url(), [("NEXO_LOGINS_PER_MINUTE", "6"), ("NEXO_LOGINS_BURST", "6")]);
    let settings = [&logins[..], &[("REDIS_URL", &*url)]].concat();
    let one = gateway_of(ground.clone(), LIMITS, &settings).await;
    let other = gateway_of(ground, LIMITS, &settings).await;
    for gateway in [&one, &other] {
        until(gateway, "up").await;
    }
    [one, other]
}

/// Waits until the gateway reports this health.
pub(super) async fn until(gateway: &TestApp, status: &str) {
    let nobody = TestUser::nobody(&gateway.router);
    let part = if status == "up" { "up" } else { "down" };
    for _ in 0..500 {
        let told = send(&nobody, Method::GET, "/health/ready", &[]).await.expect(StatusCode::OK);
        if told["status"] == status && told["parts"]["limits"] == part {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("it is never {status}");
}

/// The person's requests, sent to another gateway.
fn at(gateway: &TestApp, person: &TestUser) -> TestUser {
    TestUser { service: gateway.router.clone(), ..person.clone() }
}

#[tokio::test]
async fn two_gateways_share_one_limit_and_each_shows_what_is_left_of_it() {
    let redis = Redis::start().await;
    let [one, other] = gateways(&redis).await;
    let ana = one.person("").await;
    let elsewhere = at(&other, &ana);
    assert_eq!(ask(&ana, Method::GET, 12).await, (12, 0));
    let shown = send(&elsewhere, Method::GET, "/api/rate-limit", &[]).await.expect(StatusCode::OK);
    assert_eq!(shown["buckets"][0]["remaining"], 8, "{shown}");
    assert_eq!(ask(&elsewhere, Method::GET, 12).await, (8, 4));
    assert_eq!(ask(&ana, Method::GET, 2).await, (0, 2));
    assert_eq!(ask(&one.person("").await, Method::GET, 2).await, (2, 0));

    let nobody = [TestUser::nobody(&one.router), TestUser::nobody(&other.router)];
    let mut logins = 0;
    for n in 0..10 {
        let answer =
            nobody[n % 2].send_from("198.51.100.7:1", Method::POST, "/api/v1/auth/login", &[], "").await;
        logins += usize::from(answer.status == StatusCode::OK);
    }
    let keys = redis.say("KEYS *").await.unwrap();
    assert_eq!(logins, 6, "{keys}");
    assert!(keys.contains("nexo:limit:address:") && !keys.contains("198.51"), "{keys}");
    assert!(keys.contains(&format!("nexo:limit:account:{}:read:6:20", ana.account)), "{keys}");
}

#[tokio::test]
async fn redis_is_killed_and_comes_back_without_an_error() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_writer(lines.clone()).finish();
    let told = |text: &str| lines.text().matches(text).count();
    let _logging = tracing::subscriber::set_default(log);
    let mut redis = Redis::start().await;
    let [one, other] = gateways(&redis).await;
    let (ana, ben) = (one.person("").await, one.person("").await);
    assert_eq!(ask(&ana, Method::GET, 5).await, (5, 0));
    tracing::callsite::rebuild_interest_cache(); // other tests may have run without a subscriber
    let before = told("Redis is there");

    redis.kill();
    assert_eq!(ask(&ana, Method::GET, 20).await, (15, 5), "it goes on from what it knows");
    assert_eq!(ask(&ben, Method::GET, 25).await, (20, 5), "and holds limits by itself");
    for gateway in [&one, &other] {
        until(gateway, "degraded").await;
    }
    let health = send(&TestUser::nobody(&one.router), Method::GET, "/api/health", &[]).await;
    assert_eq!(health.body["parts"]["api-gateway"]["parts"]["limits"], "down", "{}", health.body);
    assert_eq!(told("Redis is gone"), 2, "once for each gateway");

    redis.start_again().await;
    for gateway in [&one, &other] {
        until(gateway, "up").await;
    }
    assert_eq!(ask(&ana, Method::GET, 2).await, (0, 2), "what was used is not forgotten");
    assert_eq!(ask(&at(&other, &ana), Method::GET, 2).await, (0, 2), "and they share it again");
    assert_eq!(told("Redis is there") - before, 2, "and once for each gateway");
    let answer = send(&one.person("").await, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(left(&answer), [Some(20), Some(19), Some(10)]);
}

#[tokio::test]
async fn a_gateway_that_never_finds_redis_holds_limits_by_itself() {
    let ground = TestContext::new("nexo_app").await;
    let nexo = gateway_of(ground, LIMITS, &[("REDIS_URL", "redis://127.0.0.1:9")]).await;
    assert_eq!(ask(&nexo.person("").await, Method::GET, 25).await, (20, 5));
    until(&nexo, "degraded").await;
}
