//! Responses that arrive before the request was sent completely.

use std::{net::SocketAddr, time::Duration};

use api_gateway::Config;
use http::{Method, StatusCode};
use kernel::Env;
use testkit::{TestApp, TestContext, TestUser};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};
use web::{BodyRate, ConnectionLimits};

use crate::{
    browsers::in_front_of_crm,
    send,
    wire::{Served, answer, take},
};

/// The service and the gateway in front of it, each on a socket.
async fn both(bounds: ConnectionLimits) -> (TestApp, TestUser, [Served; 2]) {
    let nexo = in_front_of_crm().await;
    let ana = nexo.person("import:read import:write client:read client:write").await;
    let app = crm_service::App { db: nexo.ground.db.clone(), verifier: nexo.ground.verifier.clone() };
    let service = Served::within(bounds.clone(), crm_service::router(app).0).await;
    let gateway = Served::within(bounds, nexo.router.clone()).await;
    (nexo, ana, [service, gateway])
}

fn upload(ana: &TestUser, query: &str, length: usize) -> String {
    format!(
        "POST /api/v1/imports?{query} HTTP/1.1\r\nhost: nexo.test\r\nauthorization: Bearer {}\r\n\
         content-type: text/csv\r\ncontent-length: {length}\r\n\r\n",
        ana.token
    )
}

/// A client that sends a whole file before it reads the response.
async fn send_whole(to: SocketAddr, head: String, file: Vec<u8>) -> String {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        let _ = writing.write_all(head.as_bytes()).await;
        let _ = writing.write_all(&file).await; // the server may have stopped reading
        writing // dropping it would close the connection
    });
    let answer = answer(&mut reading).await;
    sending.abort();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_refused_early_gets_its_answer_through_the_gateway() {
    let (_, ana, [service, gateway]) = both(ConnectionLimits::default()).await;
    for to in [&gateway, &service] {
        for kilobytes in [128, 530, 2048] {
            for turn in 0..50 {
                let file = vec![b'x'; kilobytes * 1024];
                let head = upload(&ana, "resource=nothing&file_name=a.csv", file.len());
                let answer = send_whole(to.address, head, file).await;
                assert!(answer.starts_with("HTTP/1.1 422 "), "{kilobytes} kB, turn {turn}: {answer}");
                assert!(answer.contains("import-resource-unknown"), "{answer}");
            }
        }
    }
    let after = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(after.status, StatusCode::OK, "none of them was taken for a failure of the service");
}

/// Sends the headers and a moment later the body, like httpx, Java and others.
#[tokio::test]
async fn a_connection_whose_request_was_refused_early_goes_on_or_says_that_it_ends() {
    let (_, ana, servers) = both(ConnectionLimits::default()).await;
    let refused = [
        ("Bearer nonsense", "/api/v1/clients", "401"),
        (&format!("Bearer {}", ana.token), "/api/v1/tasks", "403"),
    ];
    for served in &servers {
        for turn in 0..60 {
            let (token, path, status) = refused[turn % 2];
            let length = [10, 100_000][turn / 2 % 2];
            let mut stream = served.connect().await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            sleep(Duration::from_millis([0, 5, 150][turn % 3])).await;
            let _ = stream.write_all(&vec![b' '; length]).await;
            let first = answer(&mut stream).await;
            assert!(first.starts_with(&format!("HTTP/1.1 {status} ")), "{first}");
            if first.contains("connection: close") {
                continue;
            }
            stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let next = answer(&mut stream).await;
            assert!(next.starts_with("HTTP/1.1 200 "), "turn {turn}: {next:?} after {first}");
        }
    }
}

#[tokio::test]
async fn a_refused_body_that_has_come_costs_no_connection() {
    let (_, _, servers) = both(ConnectionLimits::default()).await;
    let refused = "POST /api/v1/clients HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
    for served in &servers {
        let said = served.say(&refused.repeat(3)).await;
        assert_eq!(said.matches("HTTP/1.1 401 ").count(), 3, "{said}");
        assert!(!said.contains("connection: close"), "{said}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_is_not_requested_with_100_continue() {
    let (_, _, servers) = both(ConnectionLimits::default()).await;
    let asks =
        "POST /api/v1/clients HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 20\r\n\r\n";
    for served in &servers {
        let said = served.say(asks).await;
        assert!(said.starts_with("HTTP/1.1 401 ") && said.contains("connection: close"), "{said}");
    }
}

#[tokio::test]
async fn an_upload_that_comes_too_slowly_ends() {
    let body = BodyRate { bytes: 1024, window: Duration::from_millis(500) };
    let (_, ana, servers) = both(ConnectionLimits { body, ..ConnectionLimits::default() }).await;
    for served in &servers {
        let (mut reading, mut writing) = served.connect().await.into_split();
        writing.write_all(upload(&ana, "resource=clients&file_name=a", 100_000).as_bytes()).await.unwrap();
        let drops = tokio::spawn(async move {
            while writing.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        });
        let slow = timeout(Duration::from_secs(20), answer(&mut reading)).await.unwrap();
        assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("slow-request"), "{slow}");
        assert!(slow.contains("application/problem+json") && slow.contains("connection: close"), "{slow}");
        drops.abort();

        let mut steady = served.connect().await;
        let file = format!("name\n{}", "x\n".repeat(6000));
        steady.write_all(upload(&ana, "resource=clients&file_name=a", file.len()).as_bytes()).await.unwrap();
        for piece in file.as_bytes().chunks(1000) {
            sleep(Duration::from_millis(60)).await;
            steady.write_all(piece).await.unwrap();
        }
        let taken = answer(&mut steady).await;
        assert!(taken.starts_with("HTTP/1.1 201 "), "{taken}");
    }
}

/// A service that responds and closes the connection at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_heard_from_a_service_that_has_hung_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                take(&mut stream, 300).await;
                let refusal = b"HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbad!";
                stream.write_all(refusal).await.unwrap();
            });
        }
    });
    let ground = TestContext::new("nexo_app").await;
    let env = Env::from_values(ground.database.settings("nexo_app")).with("NEXO_CRM_URL", address);
    let mut env = env.with("NEXO_CIRCUIT_BREAKER_FAILURES", "1").with("NEXO_UPSTREAM_TIMEOUT_SECONDS", "5");
    let config = Config::read(&mut env);
    env.finish().unwrap();
    let app = config.app(ground.db.clone(), ground.verifier.clone(), config.revocation.start());
    let nexo = TestApp { router: api_gateway::router(app, &config), ground };
    let ana = nexo.person("").await;
    let gateway = Served::within(ConnectionLimits::default(), nexo.router.clone()).await;
    for turn in 0..40 {
        let file = vec![b'x'; 2 * 1024 * 1024];
        let answer = send_whole(gateway.address, upload(&ana, "resource=clients", file.len()), file).await;
        assert!(answer.starts_with("HTTP/1.1 422 ") && answer.ends_with("bad!"), "turn {turn}: {answer}");
    }
}
