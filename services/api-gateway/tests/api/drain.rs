//! Graceful shutdown of the gateway.

use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use testkit::TestContext;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    time::sleep,
};
use web::ConnectionLimits;

use crate::{
    gateway_on,
    wire::{Served, read},
};

const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nhost: nexo.test\r\ncontent-length: 0\r\n\r\n";
const READY: &str = "GET /health/ready HTTP/1.1\r\nhost: nexo.test\r\n\r\n";

async fn slow_service(takes: Duration) -> String {
    let service = Router::new().route(
        "/api/v1/auth/login",
        post(async move || {
            sleep(takes).await;
            "done"
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn gateway(takes: Duration, bounds: ConnectionLimits) -> Served {
    let address = slow_service(takes).await;
    let settings =
        [("NEXO_AUTH_URL", &*address), ("NEXO_CRM_URL", &address), ("NEXO_UPSTREAM_TIMEOUT_SECONDS", "25")];
    let nexo = gateway_on(TestContext::new("nexo_app").await, &settings);
    Served::within(bounds, nexo.router).await
}

#[tokio::test]
async fn it_says_so_first_then_takes_nobody_more_and_finishes_what_runs() {
    let bounds = ConnectionLimits { notice: Duration::from_secs(2), ..ConnectionLimits::default() };
    let served = gateway(Duration::from_secs(4), bounds).await;
    let address = served.address;
    assert!(served.say(READY).await.starts_with("HTTP/1.1 200 "));
    let (mut running, mut idle) = (served.connect().await, served.connect().await);
    running.write_all(LOGIN.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let stopping = served.stop();
    sleep(Duration::from_millis(200)).await;

    let mut asks = TcpStream::connect(address).await.unwrap();
    asks.write_all(READY.as_bytes()).await.unwrap();
    let told = read(&mut asks).await;
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("connection: close"), "{told}");
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: nexo.test\r\n\r\n").await.unwrap();
    let told = read(&mut idle).await;
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("connection: close"), "{told}");

    sleep(Duration::from_millis(1800)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    let mut answer = String::new();
    while answer.is_empty() {
        answer = read(&mut running).await;
    }
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn it_waits_for_nobody_for_ever() {
    let bounds = ConnectionLimits { drain: Duration::from_secs(1), ..ConnectionLimits::default() };
    let served = gateway(Duration::from_secs(50), bounds).await;
    let mut running = served.connect().await;
    running.write_all(LOGIN.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    served.stop().await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "the service takes 50 s");
}
