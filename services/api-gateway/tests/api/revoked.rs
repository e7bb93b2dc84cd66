//! Revoked sessions at a gateway, with and without Redis.

use std::time::Duration;

use http::{Method, StatusCode};
use kernel::Env;
use revocation::{Revocations, RevokedTokens};
use testkit::{Redis, TestApp, TestContext, TestUser};
use tokio::time::{Instant, sleep};

use crate::{echo, gateway_on, send};

/// A gateway in front of a service that accepts everyone, so that all rejections come from the gateway.
async fn gateway(redis: &Redis) -> TestApp {
    let (echo, redis) = (echo().await, redis.url());
    let settings = [
        ("NEXO_AUTH_URL", &*echo),
        ("NEXO_CRM_URL", &echo),
        ("REDIS_URL", &redis),
        ("NEXO_REVOCATION_GRACE_SECONDS", "1"),
    ];
    gateway_on(TestContext::new("nexo_app").await, &settings)
}

/// The auth-service, reduced to publishing revocations.
fn auth(redis: &Redis) -> Revocations {
    revocation::Config::read(&mut Env::from_values([]).with("REDIS_URL", redis.url())).start()
}

async fn asks(person: &TestUser) -> StatusCode {
    send(person, Method::GET, "/api/v1/clients", &[]).await.status
}

async fn until_refused(person: &TestUser) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match asks(person).await {
            StatusCode::UNAUTHORIZED => return,
            StatusCode::OK => assert!(Instant::now() < end, "it is let in still"),
            other => panic!("{other}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Session of a person who has only one.
async fn session(nexo: &TestApp, person: &TestUser) -> kernel::SessionId {
    nexo.ground.verifier.verify(&person.token, uuid::Uuid::nil()).await.unwrap().session()
}

#[tokio::test]
async fn a_session_that_has_ended_goes_no_further_than_the_gateway() {
    let redis = Redis::start().await;
    let nexo = gateway(&redis).await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    assert_eq!((asks(&ana).await, asks(&ben).await), (StatusCode::OK, StatusCode::OK));
    let auth = auth(&redis);
    auth.publish(&[RevokedTokens::entire_session(ana.account, session(&nexo, &ana).await)]);
    until_refused(&ana).await;
    assert_eq!(asks(&ben).await, StatusCode::OK);
}

/// Without Redis, the gateway does not rely on its cache: ended sessions are rejected, all others accepted.
#[tokio::test]
async fn without_redis_the_database_is_asked() {
    let mut redis = Redis::start().await;
    let nexo = gateway(&redis).await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    assert_eq!((asks(&ana).await, asks(&ben).await), (StatusCode::OK, StatusCode::OK));
    redis.kill();
    let end = format!("update app.sessions set revoked_at = now() where user_id = '{}'", ana.user);
    nexo.ground.database.run(&end).await;
    until_refused(&ana).await;
    assert_eq!(asks(&ben).await, StatusCode::OK);
}
