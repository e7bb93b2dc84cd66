//! Load balancing over several instances, with slow and failing ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
};
use futures::{StreamExt as _, future::join_all, stream};
use http::{Method, Request, StatusCode};
use serde_json::json;
use testkit::{TestApp, TestContext, TestUser};
use tokio::{net::TcpListener, runtime::Runtime, time::sleep};
use tower::ServiceExt as _;

use crate::{echo, gateway_on, send, until};

/// An instance in its own runtime, which can be killed with all its connections, like a process.
struct Instance {
    address: String,
    asked: Arc<AtomicUsize>,
    /// Whether it never responds.
    hangs: Arc<AtomicBool>,
    process: Option<Runtime>,
}

impl Instance {
    fn start() -> Self {
        let (asked, hangs) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, hang) = (Arc::clone(&asked), Arc::clone(&hangs));
        let service = Router::new().fallback(async move || {
            count.fetch_add(1, SeqCst);
            if hang.load(SeqCst) {
                sleep(Duration::from_secs(60)).await;
            }
            "answered"
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let process = Runtime::new().unwrap();
        process.spawn(async { axum::serve(TcpListener::from_std(listener).unwrap(), service).await });
        Self { address, asked, hangs, process: Some(process) }
    }

    fn hanging() -> Self {
        let instance = Self::start();
        instance.hangs.store(true, SeqCst);
        instance
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    async fn is_asked(&self, times: usize) {
        while self.asked() < times {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn kill(&mut self) {
        self.process.take().unwrap().shutdown_background();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.process.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// A gateway in front of these instances of the crm-service, the first of which is used first.
async fn before(instances: &[&Instance], settings: &[(&'static str, &str)]) -> (TestApp, TestUser) {
    let addresses: Vec<_> = instances.iter().map(|one| one.address.as_str()).collect();
    let (crm, auth) = (addresses.join(","), echo().await);
    let settings = [&[("NEXO_CRM_URL", &*crm), ("NEXO_AUTH_URL", &auth)], settings].concat();
    let nexo = gateway_on(TestContext::new("nexo_app").await, &settings);
    let ana = nexo.person("").await;
    (nexo, ana)
}

async fn get(person: &TestUser) -> StatusCode {
    send(person, Method::GET, "/api/v1/clients", &[]).await.status
}

/// Status of the first request that the open circuit lets pass.
async fn after_rest(person: &TestUser) -> StatusCode {
    let mut status = StatusCode::SERVICE_UNAVAILABLE;
    until(async || {
        status = get(person).await;
        status != StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    status
}

#[tokio::test]
async fn a_slow_service_is_let_alone_for_a_while_then_tried_by_one_and_others_do_not_notice() {
    let slow = Instance::hanging();
    let (_, ana) = before(&[&slow], &[("NEXO_CIRCUIT_BREAKER_FAILURES", "2")]).await;
    for _ in 0..2 {
        assert_eq!(get(&ana).await, StatusCode::GATEWAY_TIMEOUT);
    }
    let refused = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "unavailable");
    assert_eq!(slow.asked(), 2, "it was not asked a third time");
    assert_eq!(send(&ana, Method::GET, "/api/v1/members", &[]).await.status, StatusCode::OK);

    let (trial, others) = tokio::join!(after_rest(&ana), async {
        slow.is_asked(3).await;
        join_all((0..5).map(|_| get(&ana))).await
    });
    assert_eq!((trial, others), (StatusCode::GATEWAY_TIMEOUT, vec![StatusCode::SERVICE_UNAVAILABLE; 5]));
    assert_eq!(slow.asked(), 3, "one tries it");

    slow.hangs.store(false, SeqCst);
    assert_eq!(after_rest(&ana).await, StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(get(&ana).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn when_an_instance_dies_what_can_be_sent_again_succeeds_on_the_other() {
    let (mut dies, lives) = (Instance::hanging(), Instance::start());
    let settings = [("NEXO_UPSTREAM_TIMEOUT_SECONDS", "25")];
    let (nexo, ana) = before(&[&dies, &lives], &settings).await;
    let start = Instant::now();
    let (keyed, seen) = ([("idempotency-key", "k")], [("if-match", "\"1\"")]);
    let (lost, done) = (StatusCode::BAD_GATEWAY, StatusCode::OK);
    let sent: [(_, &[(&'static str, &'static str)], _); 7] = [
        (Method::GET, &[], done),
        (Method::PUT, &[], done),
        (Method::DELETE, &[], done),
        (Method::POST, &keyed, done),
        (Method::POST, &[], lost),
        (Method::PATCH, &seen, lost),
        (Method::DELETE, &seen, lost),
    ];
    // Each case has its own gateway, whose first request goes to the first instance.
    let crm = format!("{},{}", dies.address, lives.address);
    let running = sent.map(|(method, headers, expected)| {
        let router = gateway_on(nexo.ground.clone(), &[settings[0], ("NEXO_CRM_URL", &crm)]).router;
        let (ana, headers) = (TestUser { service: router, ..ana.clone() }, headers.to_vec());
        tokio::spawn(async move {
            let answer = ana.send_raw(method.clone(), "/api/v1/clients", &headers, "a body").await;
            assert_eq!(answer.status, expected, "{method} with {headers:?}");
        })
    });
    dies.is_asked(7).await;
    dies.kill();
    for answer in join_all(running).await {
        answer.unwrap();
    }
    assert_eq!(lives.asked(), 4, "what was not sent again did not reach the other");
    assert!(start.elapsed() < Duration::from_secs(20), "nobody waited for a time-out");
    for method in [Method::POST, Method::GET] {
        let answer = ana.send_raw(method, "/api/v1/clients", &[], "a body").await;
        assert_eq!(answer.status, StatusCode::OK, "nothing had been sent to where nobody listens");
    }
}

#[tokio::test]
async fn the_least_loaded_instance_is_chosen() {
    let (busy, free) = (Instance::hanging(), Instance::start());
    let (_, ana) = before(&[&busy, &free], &[("NEXO_UPSTREAM_TIMEOUT_SECONDS", "25")]).await;
    let waiting = tokio::spawn({
        let ana = ana.clone();
        async move { get(&ana).await }
    });
    busy.is_asked(1).await;
    for _ in 0..20 {
        assert_eq!(get(&ana).await, StatusCode::OK);
    }
    assert_eq!((busy.asked(), free.asked()), (1, 20));
    waiting.abort();
}

#[tokio::test]
async fn an_answer_that_stops_is_cut_off() {
    let service = Router::new().fallback(async || {
        let begins = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"begins"))]);
        Body::from_stream(begins.chain(stream::pending()))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await });
    let nexo = gateway_on(TestContext::new("nexo_app").await, &[("NEXO_CRM_URL", &address)]);
    let ana = nexo.person("").await;
    let request = Request::get("/api/v1/clients").header("authorization", format!("Bearer {}", ana.token));
    let start = Instant::now();
    let answer = nexo.router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(axum::body::to_bytes(answer.into_body(), usize::MAX).await.is_err(), "nobody takes it for whole");
    assert!(start.elapsed() < Duration::from_secs(20), "the service would have taken for ever");
}

#[tokio::test]
async fn a_client_that_sends_slowly_is_no_failure_of_a_service() {
    let instance = Instance::start();
    let settings = [("NEXO_CIRCUIT_BREAKER_FAILURES", "1"), ("NEXO_BODY_READ_TIMEOUT_SECONDS", "1")];
    let (_, ana) = before(&[&instance], &settings).await;
    for _ in 0..3 {
        let pieces = stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending());
        let answer = ana.send_raw(Method::POST, "/api/v1/clients", &[], Body::from_stream(pieces)).await;
        assert!(
            [StatusCode::OK, StatusCode::REQUEST_TIMEOUT, StatusCode::GATEWAY_TIMEOUT]
                .contains(&answer.status)
        );
    }
    assert_eq!(get(&ana).await, StatusCode::OK);
}

#[tokio::test]
async fn without_any_instance_the_whole_says_that_it_is_down() {
    let mut instance = Instance::start();
    let (nexo, ana) = before(&[&instance], &[("NEXO_CIRCUIT_BREAKER_FAILURES", "1")]).await;
    instance.kill();
    sleep(Duration::from_millis(100)).await;
    for _ in 0..3 {
        assert_eq!(get(&ana).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    let health = send(&TestUser::nobody(&nexo.router), Method::GET, "/api/health", &[]).await;
    assert_eq!(health.body["parts"]["crm-service"], json!({ "status": "down" }));
}
