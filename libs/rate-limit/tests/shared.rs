//! Limiters that share a real Redis, like gateways.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

use std::time::{Duration, Instant};

use kernel::Env;
use rate_limit::{Bucket, Config, Limiter, Rate};
use testkit::Redis;
use tokio::time::{interval, sleep};

async fn limiter(redis: &Redis) -> Limiter {
    let mut env = Env::from_values([("REDIS_URL".to_owned(), redis.url())]);
    let limiter = Config::read(&mut env).limiter();
    env.finish().unwrap();
    until(&limiter, true).await;
    limiter
}

/// Waits until the limiter has detected the state of Redis.
async fn until(limiter: &Limiter, is_up: bool) {
    let troubles = limiter.failures().unwrap();
    for _ in 0..500 {
        if (troubles.load(std::sync::atomic::Ordering::Relaxed) == 0) == is_up {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("Redis does not {}", if is_up { "come" } else { "go" });
}

/// Sends 500 requests per second from four tasks over these gateways; returns the admitted number and the
/// duration.
async fn ask(gateways: &[(Limiter, Bucket)], rate: Rate, time: Duration) -> (u32, Duration) {
    let start = Instant::now();
    let tasks = (0..4).map(|at| {
        let (limiter, bucket) = &gateways[at % gateways.len()];
        async move {
            let (mut allowed, mut beat) = (0, interval(Duration::from_millis(8)));
            while start.elapsed() < time {
                beat.tick().await;
                allowed += u32::from(limiter.take(bucket, rate).await.allowed);
            }
            allowed
        }
    });
    let allowed = futures::future::join_all(tasks).await.into_iter().sum();
    (allowed, start.elapsed())
}

fn near(allowed: u32, rate: Rate, time: Duration) {
    let due = f64::from(rate.burst()) + f64::from(rate.per_minute()) / 60.0 * time.as_secs_f64();
    let off = f64::from(allowed) / due - 1.0;
    assert!(off.abs() <= 0.01, "{allowed} were let through, {due:.1} were due: {:.2} % off", off * 100.0);
}

const RATE: fn() -> Rate = || Rate::new(12_000, 200);
const TIME: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_this_process_is_exact() {
    let gateway = (Limiter::local(), Bucket::new("a"));
    let (allowed, time) = ask(&[gateway], RATE(), TIME).await;
    near(allowed, RATE(), time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_in_redis_is_exact_for_one_gateway_and_for_two_together_and_costs_few_calls() {
    let redis = Redis::start().await;
    let one = [(limiter(&redis).await, Bucket::new("one"))];
    let two = [(limiter(&redis).await, Bucket::new("two")), (limiter(&redis).await, Bucket::new("two"))];
    let (alone, shared) = tokio::join!(ask(&one, RATE(), TIME), ask(&two, RATE(), TIME));
    near(alone.0, RATE(), alone.1);
    near(shared.0, RATE(), shared.1);
    let said = redis.say("INFO commandstats").await.unwrap();
    let calls = said.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap().to_owned();
    let calls: u32 = calls.split(['=', ',']).nth(1).unwrap().parse().unwrap();
    assert!(calls < 4_000, "{calls} calls for 10,000 requests, of which 5,600 were refused");
}

#[tokio::test]
async fn many_who_ask_at_once_share_a_call() {
    let redis = Redis::start().await;
    let (limiter, bucket, rate) = (limiter(&redis).await, Bucket::new("a"), Rate::new(60, 100));
    redis.say("CONFIG RESETSTAT").await.unwrap();
    let asked = futures::future::join_all((0..150).map(|_| limiter.take(&bucket, rate))).await;
    assert_eq!(asked.iter().filter(|decision| decision.allowed).count(), 100);
    let said = redis.say("INFO commandstats").await.unwrap();
    assert!((1..=3).any(|calls| said.contains(&format!("cmdstat_evalsha:calls={calls},"))), "{said}");
}

#[tokio::test]
async fn without_redis_a_gateway_goes_on_from_what_it_knows_and_redis_learns_it_afterwards() {
    let mut redis = Redis::start().await;
    let (limiter, other) = (limiter(&redis).await, limiter(&redis).await);
    let (bucket, elsewhere, rate) = (Bucket::new("a"), Bucket::new("a"), Rate::new(6, 20));
    for _ in 0..5 {
        assert!(limiter.take(&bucket, rate).await.allowed);
    }
    redis.kill();
    let start = Instant::now();
    let asked = futures::future::join_all((0..30).map(|_| limiter.take(&bucket, rate))).await;
    assert_eq!(asked.iter().filter(|decision| decision.allowed).count(), 15, "five were used before");
    assert!(start.elapsed() < Duration::from_secs(1), "nobody waits for what is gone");
    until(&limiter, false).await;
    until(&other, false).await;
    redis.start_again().await;
    until(&limiter, true).await;
    until(&other, true).await;
    assert!(!limiter.take(&bucket, rate).await.allowed, "what was let through is not forgotten");
    assert!(!other.take(&elsewhere, rate).await.allowed, "and others learn it from a Redis that was empty");
}

#[tokio::test]
async fn another_rate_begins_anew_and_every_key_ends_by_itself() {
    let redis = Redis::start().await;
    let (limiter, bucket) = (limiter(&redis).await, Bucket::new("a"));
    let (small, large) = (Rate::new(6, 2), Rate::new(600, 20));
    while limiter.take(&bucket, small).await.allowed {}
    let decision = limiter.take(&bucket, large).await;
    assert!(decision.allowed && decision.standing.limit == 20, "{decision:?}");
    assert!(redis.say("KEYS *").await.unwrap().contains("nexo:limit:a:600:20"));
    let left = redis.say("PTTL nexo:limit:a:600:20").await.unwrap();
    let left: i64 = left.trim_start_matches(':').lines().next().unwrap().parse().unwrap();
    assert!((1..=100).contains(&left), "{left}");
}

#[tokio::test]
async fn a_look_takes_nothing_and_shows_what_others_took() {
    let redis = Redis::start().await;
    let (limiter, other) = (limiter(&redis).await, limiter(&redis).await);
    let (bucket, elsewhere, rate) = (Bucket::new("a"), Bucket::new("a"), Rate::new(6, 20));
    for _ in 0..5 {
        other.take(&elsewhere, rate).await;
    }
    let seen = limiter.peek(&bucket, rate).await;
    assert_eq!((seen.limit, seen.remaining), (20, 15));
    assert_eq!(limiter.peek(&bucket, rate).await.remaining, 15);
}

#[test]
fn an_invalid_url_is_reported_without_its_password() {
    let mut env = Env::from_values([("REDIS_URL".to_owned(), "http://user:s3cret@redis".to_owned())]);
    Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    assert!(told.contains("REDIS_URL") && !told.contains("s3cret"), "{told}");
}
