//! Counted over connections: what is let through is what the rate gives. A program of its own: what else runs in tests
//! would keep it from asking as often as it says.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test should fail where it fails")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use api_gateway::{Config, router};
use axum::Router;
use http::{Method, StatusCode};
use kernel::Env;
use testkit::{Ground, Nexo, Person, Redis};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{interval, sleep},
};
use web::Listener;

const RATE: f64 = 100.0;
const BURST: f64 = 100.0;
const TIME: Duration = Duration::from_secs(10);

/// On a socket that is served.
async fn served(router: Router) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(web::serve(listener, router, std::future::pending()));
    address
}

/// A gateway that counts in Redis.
async fn gateway(ground: &Ground, redis: &Redis, service: SocketAddr) -> Nexo {
    let service = format!("http://{service}");
    let env = Env::of(ground.database.settings("nexo_app")).with("REDIS_URL", redis.url());
    let mut env = env.with("NEXO_AUTH_URL", service.clone()).with("NEXO_CRM_URL", service);
    let config = Config::read(&mut env);
    env.finish().unwrap();
    let app = config.app(ground.db.clone(), ground.verifier.clone(), config.revocation.start());
    let gateway = Nexo { router: router(app, &config), ground: ground.clone() };
    let nobody = Person::nobody(&gateway.router);
    while nobody.send_raw(Method::GET, "/health/ready", &[], "").await.body["status"] != "up" {
        sleep(Duration::from_millis(20)).await;
    }
    gateway
}

/// Asks 125 times a second over a connection; how many requests were answered.
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
    let (redis, ground) = (Redis::start().await, Ground::of("nexo_app").await);
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
    let left = told["buckets"][0]["remaining"].as_f64().unwrap(); // what a busy machine had no time to ask for
    let answered = f64::from(a + b + c + d);
    assert!(answered > 1000.0, "it asked too seldom: {answered} were answered");
    let off = (answered + left) / given - 1.0;
    assert!(off.abs() <= 0.01, "{answered} were answered, {left} are left, {given:.1} were given");
}
