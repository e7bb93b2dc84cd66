//! Graceful shutdown of the gateway.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use testkit::TestContext;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use web::ConnectionLimits;

use crate::{
    gateway_on, until,
    wire::{Served, answer},
};

const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nhost: nexo.test\r\ncontent-length: 0\r\n\r\n";
const READY: &str = "GET /health/ready HTTP/1.1\r\nhost: nexo.test\r\n\r\n";

/// A service that answers a login when it is let go.
#[derive(Clone, Default)]
struct SlowService {
    reached: Arc<Notify>,
    let_go: Arc<Notify>,
}

impl SlowService {
    async fn start(self) -> String {
        let login = async move || {
            self.reached.notify_one();
            self.let_go.notified().await;
            "done"
        };
        let service = Router::new().route("/api/v1/auth/login", post(login));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, service).await });
        address
    }
}

/// A gateway with a login that runs.
async fn gateway(service: &SlowService, bounds: ConnectionLimits) -> (Served, TcpStream) {
    let address = service.clone().start().await;
    let settings =
        [("NEXO_AUTH_URL", &*address), ("NEXO_CRM_URL", &address), ("NEXO_UPSTREAM_TIMEOUT_SECONDS", "25")];
    let nexo = gateway_on(TestContext::new("nexo_app").await, &settings);
    let served = Served::within(bounds, nexo.router).await;
    let mut running = served.connect().await;
    running.write_all(LOGIN.as_bytes()).await.unwrap();
    service.reached.notified().await;
    (served, running)
}

async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

#[tokio::test]
async fn a_drain_reports_unready_then_accepts_no_more_and_finishes_what_runs() {
    let bounds = ConnectionLimits { notice: Duration::from_secs(2), ..ConnectionLimits::default() };
    let service = SlowService::default();
    let (served, mut running) = gateway(&service, bounds).await;
    let address = served.address;
    let mut idle = served.connect().await;
    assert!(ask(&mut served.connect().await, READY).await.starts_with("HTTP/1.1 200 "));
    let stopping = served.stop();

    let mut told = String::new();
    until(async || {
        told = ask(&mut TcpStream::connect(address).await.unwrap(), READY).await;
        told.starts_with("HTTP/1.1 503 ")
    })
    .await;
    assert!(told.contains("connection: close"), "{told}");
    let told = ask(&mut idle, "GET /health/live HTTP/1.1\r\nhost: nexo.test\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("connection: close"), "{told}");

    until(async || TcpStream::connect(address).await.is_err()).await; // no connection is accepted any more
    assert!(!stopping.is_finished(), "a request still runs");
    service.let_go.notify_one();
    let last = answer(&mut running).await;
    assert!(last.starts_with("HTTP/1.1 200 ") && last.ends_with("done"), "{last}");
    assert!(last.contains("connection: close"), "{last}");
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_ends_after_its_time_limit() {
    let bounds = ConnectionLimits { drain: Duration::from_millis(200), ..ConnectionLimits::default() };
    let (served, _running) = gateway(&SlowService::default(), bounds).await;
    let start = Instant::now();
    served.stop().await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "the service never answers");
}
