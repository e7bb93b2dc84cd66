//! Exact rate limiting, measured over connections: the number of admitted requests must match the rate. A separate
//! program, because concurrent tests would slow down its requests.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test should fail where it fails")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use api_gateway::{Config, router};
use axum::Router;
use http::{Method, StatusCode};
use kernel::Env;
use testkit::{Redis, TestApp, TestContext, TestUser};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{interval, sleep},
};
use web::Listener;

const RATE: f64 = 100.0;
const BURST: f64 = 100.0;
const TIME: Duration = Duration::from_secs(10);

/// Serves a router on a socket.
async fn served(router: Router) -> SocketAddr {
    let listener = Listener::bind("NEXO_GATEWAY_LISTEN", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(web::serve(listener, router, std::future::pending()));
    address
}

/// A gateway with buckets in Redis.
async fn gateway(ground: &TestContext, redis: &Redis, service: SocketAddr) -> TestApp {
    let service = format!("http://{service}");
    let env = Env::from_values(ground.database.settings("nexo_app")).with("REDIS_URL", redis.url());
    let mut env = env.with("NEXO_AUTH_URL", service.clone()).with("NEXO_CRM_URL", service);
    let config = Config::read(&mut env);
    env.finish().unwrap();
    let app = config.app(ground.db.clone(), ground.verifier.clone(), config.revocation.start());
    let gateway = TestApp { router: router(app, &config), ground: ground.clone() };
    let nobody = TestUser::nobody(&gateway.router);
    while nobody.send_raw(Method::GET, "/health/ready", &[], "").await.body["status"] != "up" {
        sleep(Duration::from_millis(20)).await;
    }
    gateway
}

/// Sends 125 requests per second over a connection; returns the number of answered ones.
async fn ask(gateway: SocketAddr, token: &str, start: Instant) -> u32 {
    let mut connection = TcpStream::connect(gateway).await.unwrap();
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
            answer.extend(piece.iter().take(read));
        }
        answered += u32::from(answer.starts_with(b"HTTP/1.1 200"));
        assert!(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 429"));
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_exact_within_a_hundredth_over_four_connections_and_two_gateways() {
    let (redis, ground) = (Redis::start().await, TestContext::new("nexo_app").await);
    let plan =
        format!("update app.plan_limits set reads_per_minute = {}, reads_burst = {BURST}", RATE * 60.0);
    ground.database.run(&plan).await;
    let service = served(Router::new().fallback(async || "{}")).await;
    let (one, other) = (gateway(&ground, &redis, service).await, gateway(&ground, &redis, service).await);
    let ana = one.person("").await;
    let (first, second) = (served(one.router).await, served(other.router).await);
    let start = Instant::now();
    let (a, b, c, d) = tokio::join!(
        ask(first, &ana.token, start),
        ask(first, &ana.token, start),
        ask(second, &ana.token, start),
        ask(second, &ana.token, start)
    );
    let told = ana.send_raw(Method::GET, "/api/rate-limit", &[], "").await.expect(StatusCode::OK);
    let given = BURST + RATE * start.elapsed().as_secs_f64();
    let left = told["buckets"][0]["remaining"].as_f64().unwrap(); // permits that a busy machine had no time to use
    let answered = f64::from(a + b + c + d);
    assert!(answered > 1000.0, "it asked too seldom: {answered} were answered");
    let off = (answered + left) / given - 1.0;
    assert!(off.abs() <= 0.01, "{answered} were answered, {left} are left, {given:.1} were given");
}
