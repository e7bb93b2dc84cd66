//! Revocation between processes over a real Redis.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use kernel::{AccountId, Env, SessionId};
use revocation::{Config, Revocations, RevokedTokens};
use testkit::Redis;
use tokio::time::{Instant, sleep};

/// A separate process, from the library's point of view.
fn process(redis: &Redis) -> Revocations {
    let mut env =
        Env::from_values([]).with("REDIS_URL", redis.url()).with("NEXO_REVOCATION_GRACE_SECONDS", "1");
    let config = Config::read(&mut env);
    env.finish().unwrap();
    config.start()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn certain(process: &Revocations) {
    until("it is certain", || process.is_in_sync()).await;
}

fn troubles(process: &Revocations) -> usize {
    process.failures().unwrap().load(Relaxed)
}

#[tokio::test]
async fn a_revocation_of_one_process_reaches_the_others() {
    let redis = Redis::start().await;
    let (auth, gateway) = (process(&redis), process(&redis));
    assert!(!gateway.is_in_sync(), "it has heard nothing yet");
    certain(&gateway).await;
    let (account, renewed, gone) = (AccountId::new(), SessionId::new(), SessionId::new());
    auth.publish(&[RevokedTokens::before(account, renewed, 3), RevokedTokens::entire_session(account, gone)]);
    assert!(auth.end(account, gone, 0), "who tells it knows it");
    until("it is told", || gateway.end(account, gone, 7)).await;
    assert!(gateway.end(account, renewed, 2) && !gateway.end(account, renewed, 3));
    assert!(!gateway.end(AccountId::new(), gone, 0), "it is another account's");
    assert!(!gateway.end(account, SessionId::new(), 0));
}

#[tokio::test]
async fn a_process_that_starts_later_receives_earlier_revocations() {
    let redis = Redis::start().await;
    let auth = process(&redis);
    let (account, session) = (AccountId::new(), SessionId::new());
    let many: Vec<_> = (0..2000).map(|_| RevokedTokens::entire_session(account, SessionId::new())).collect();
    auth.publish(&many);
    auth.publish(&[RevokedTokens::entire_session(account, session)]);
    let early = process(&redis);
    until("it is told", || early.end(account, session, 0)).await;
    let late = process(&redis);
    certain(&late).await;
    assert!(late.end(account, session, 0), "whoever is certain knows everything");
}

#[tokio::test]
async fn without_redis_no_process_is_certain_and_revocations_arrive_afterwards() {
    let mut redis = Redis::start().await;
    let (auth, gateway) = (process(&redis), process(&redis));
    certain(&gateway).await;
    certain(&auth).await;
    let (account, session) = (AccountId::new(), SessionId::new());
    for _ in 0..2 {
        redis.kill();
        until("it has doubts", || !gateway.is_in_sync()).await;
        let meanwhile = SessionId::new();
        auth.publish(&[RevokedTokens::entire_session(account, meanwhile)]);
        until("both ways are known not to work", || troubles(&auth) == 2 && troubles(&gateway) == 1).await;
        assert!(!gateway.end(account, meanwhile, 0));
        redis.start_again().await;
        certain(&gateway).await;
        assert!(gateway.end(account, meanwhile, 0), "whoever is certain again knows everything");
        until("all ways work", || troubles(&auth) + troubles(&gateway) == 0).await;
    }
    assert!(!gateway.end(account, session, 0));
}

/// An open but unresponsive connection counts as lost.
#[tokio::test]
async fn a_server_that_hangs_is_away() {
    let redis = Redis::start().await;
    let gateway = process(&redis);
    certain(&gateway).await;
    redis.say("CLIENT PAUSE 8000 ALL").await;
    until("it has doubts", || !gateway.is_in_sync()).await;
    certain(&gateway).await;
}

#[tokio::test]
async fn an_invalid_url_is_reported_without_its_password() {
    let mut env = Env::from_values([]).with("REDIS_URL", "http://:hunter2@localhost");
    Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    assert!(told.contains("REDIS_URL") && !told.contains("hunter2"), "{told}");
}
