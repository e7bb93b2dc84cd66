//! Counted over connections: what is let through is what the rate gives.

use std::time::{Duration, Instant};

use testkit::{Ground, Redis};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::interval,
};
use web::Bounds;

use super::gateway_of;
use crate::wire::Served;

const RATE: f64 = 100.0;
const BURST: f64 = 100.0;
const TIME: Duration = Duration::from_secs(10);

/// Asks 125 times a second over a connection; how many requests were answered.
async fn ask(served: &Served, token: &str, start: Instant) -> u32 {
    let mut connection = served.connect().await;
    let request =
        format!("GET /api/v1/clients HTTP/1.1\r\nhost: nexo.test\r\nauthorization: Bearer {token}\r\n\r\n");
    let (mut answered, mut beat) = (0, interval(Duration::from_millis(8)));
    while start.elapsed() < TIME {
        beat.tick().await;
        connection.write_all(request.as_bytes()).await.unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !(answer.ends_with(b"}") && answer.windows(4).any(|four| four == b"\r\n\r\n")) {
            let read = connection.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "the connection has ended");
            answer.extend_from_slice(&piece[..read]);
        }
        answered += u32::from(answer.starts_with(b"HTTP/1.1 200"));
        assert!(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 429"));
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_exact_within_a_hundredth_over_four_connections_and_two_gateways() {
    let (redis, ground) = (Redis::start().await, Ground::of("nexo_app").await);
    let url = redis.url();
    let limits = format!("reads_per_minute = {}, reads_burst = {BURST}", RATE * 60.0);
    let one = gateway_of(ground.clone(), &limits, &[("REDIS_URL", &url)]).await;
    let other = gateway_of(ground, &limits, &[("REDIS_URL", &url)]).await;
    let token = one.person("").await.token;
    super::shared::until(&one, "up").await;
    super::shared::until(&other, "up").await;
    let (one, other) = (
        Served::within(Bounds::default(), one.router).await,
        Served::within(Bounds::default(), other.router).await,
    );
    let start = Instant::now();
    let (a, b, c, d) = tokio::join!(
        ask(&one, &token, start),
        ask(&one, &token, start),
        ask(&other, &token, start),
        ask(&other, &token, start)
    );
    let (answered, due) = (f64::from(a + b + c + d), BURST + RATE * start.elapsed().as_secs_f64());
    assert!((answered / due - 1.0).abs() <= 0.01, "{answered} were answered, {due:.1} were due");
}
