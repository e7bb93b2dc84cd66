//! Low-level attacks on the gateway over a raw socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes};
use serde_json::Value;
use testkit::TestContext;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use web::ConnectionLimits;

use crate::{
    gateway_on,
    wire::{Served, read},
};

/// A gateway with a counter of the requests that reached its service.
async fn gateway(bounds: ConnectionLimits, settings: &[(&'static str, &str)]) -> (Served, Arc<AtomicUsize>) {
    let reached = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&reached);
    let service = Router::new().fallback(async move |body: Bytes| {
        counted.fetch_add(1, SeqCst);
        format!("reached with {} bytes", body.len())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await });
    let settings = [settings, &[("NEXO_AUTH_URL", &address), ("NEXO_CRM_URL", &address)]].concat();
    let nexo = gateway_on(TestContext::new("nexo_app").await, &settings);
    (Served::within(bounds, nexo.router).await, reached)
}

const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nhost: nexo.test\r\n";
const SMUGGLED: &str = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: nexo.test\r\n\r\n";

#[tokio::test]
async fn no_request_is_smuggled_behind_another() {
    let (served, reached) = gateway(ConnectionLimits::default(), &[]).await;
    let fine = served.say(&format!("{LOGIN}content-length: 2\r\n\r\n{{}}{SMUGGLED}")).await;
    assert_eq!((fine.matches("HTTP/1.1 200").count(), reached.swap(0, SeqCst)), (2, 2), "{fine}");
    let fine = served
        .say(&format!("{LOGIN}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}"))
        .await;
    assert_eq!(
        (fine.matches("HTTP/1.1 ").count(), reached.swap(0, SeqCst)),
        (1, 1),
        "nothing follows chunks: {fine}"
    );
    assert!(fine.contains("connection: close") && fine.contains("reached with 2 bytes"), "{fine}");

    for headers in [
        "content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\n",
        "transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{}",
        "transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding:\u{b}chunked\r\n\r\n0\r\n\r\n",
        "content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        "content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "content-length: 2, 2\r\n\r\n{}",
        "content-length: +2\r\n\r\n{}",
        "content-length: -1\r\n\r\n{}",
        "content-length: 0x2\r\n\r\n{}",
        "content-length: 99999999999999999999999\r\n\r\n{}",
        "x-folded: a\r\n b\r\ncontent-length: 2\r\n\r\n{}",
        " x-first: a\r\ncontent-length: 2\r\n\r\n{}",
        "x-bare: a\ncontent-length: 2\r\n\r\n{}",
        "content-length: 2\r\n\n{}",
        "x-return: a\rb\r\ncontent-length: 2\r\n\r\n{}",
        "x-nothing: a\0b\r\ncontent-length: 2\r\n\r\n{}",
        "no colon\r\ncontent-length: 2\r\n\r\n{}",
        "transfer-encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ] {
        let answer = served.say(&format!("{LOGIN}{headers}{SMUGGLED}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?} gets {answer}");
        is_a_problem(&answer);
        assert_eq!(
            (answer.matches("HTTP/1.1 ").count(), reached.load(SeqCst)),
            (1, 0),
            "{headers:?} gets {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_request_of_ours_is_refused() {
    let (served, reached) = gateway(ConnectionLimits::default(), &[]).await;
    let head =
        |line: &str, more: &str| format!("{line}\r\nhost: nexo.test\r\n{more}connection: close\r\n\r\n");
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (request, status) in [
        (head("TRACE /api/v1/auth/login HTTP/1.1", ""), "405"),
        (head("CONNECT nexo.test:443 HTTP/1.1", ""), "405"),
        (head("GET / HTTP/3.0", ""), "400"),
        (head(&format!("GET /.well-known/{} HTTP/1.1", "x".repeat(9000)), ""), "414"),
        (head("GET /.well-known/jwks.json HTTP/1.1", &format!("x-large: {}\r\n", "x".repeat(40_000))), "431"),
        (head("GET /.well-known/jwks.json HTTP/1.1", &many), "431"),
        (head("POST /api/v1/auth/login HTTP/1.1", "content-length: 2000000\r\n"), "413"),
    ] {
        let answer = served.say(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{} gets {answer}", &request[..40]);
        is_a_problem(&answer);
    }
    assert_eq!(reached.load(SeqCst), 0);
}

/// Asserts that the answer is a problem with the same id in body and header.
fn is_a_problem(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    assert_eq!(header("content-type"), Some("application/problem+json"), "{answer}");
    let problem: Value = serde_json::from_str(body).unwrap();
    assert!(problem["request_id"].is_string(), "{answer}");
    assert_eq!(header("x-request-id"), problem["request_id"].as_str(), "{answer}");
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{answer}");
}

/// Includes responses of the server itself to unreadable input, before any handler.
#[tokio::test]
async fn what_is_no_request_at_all_is_a_problem_too() {
    let (served, reached) = gateway(ConnectionLimits::default(), &[]).await;
    let long = format!("GET /{}", "x".repeat(40_000));
    for (bytes, status) in [
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0", "400"),
        ("hello\r\n\r\n", "400"),
        ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\nhost: a\n\n", "400"),
        ("GET /\r\n\r\n", "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
        (&long, "414"),
    ] {
        let answer = served.say(bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes:.40} gets {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        is_a_problem(&answer);
    }
    assert_eq!(reached.load(SeqCst), 0);
}

#[tokio::test]
async fn a_request_is_for_one_host_and_says_each_thing_once() {
    let (served, reached) = gateway(ConnectionLimits::default(), &[]).await;
    let ask = async |line: &str, headers: &str| {
        served.say(&format!("{line}\r\n{headers}connection: close\r\n\r\n")).await
    };
    let get = "GET /.well-known/jwks.json HTTP/1.1";
    for headers in [
        "",
        "host: a\r\nhost: b\r\n",
        "host: nexo.test\r\nHost: nexo.test\r\n",
        "host: a b\r\n",
        "host:\r\n",
        "host: user@nexo.test\r\n",
        "host: nexo.test:99999\r\n",
        "host: nexo.test:x\r\n",
        "host: [::1\r\n",
    ] {
        let answer = ask(get, headers).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?} gets {answer}");
        is_a_problem(&answer);
    }
    for name in [
        "authorization",
        "Content-Type",
        "idempotency-key",
        "if-match",
        "traceparent",
        "x-request-id",
        "origin",
    ] {
        let answer = ask(get, &format!("host: nexo.test\r\n{name}: a\r\naccept: x\r\n{name}: b\r\n")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains(&name.to_lowercase()),
            "{name} gets {answer}"
        );
        is_a_problem(&answer);
    }
    for target in ["ftp://nexo.test/.well-known/jwks.json", "*", "nexo.test:80", "http://u@nexo.test/"] {
        let answer = ask(&format!("GET {target} HTTP/1.1"), "host: nexo.test\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target} gets {answer}");
        is_a_problem(&answer);
    }
    assert_eq!(reached.load(SeqCst), 0);
    for (line, headers) in [
        (get, "host: nexo.test:3000\r\n"),
        (
            get,
            "host: [::1]:3000\r\naccept: a\r\naccept: b\r\nif-none-match: \"1\"\r\nif-none-match: \"2\"\r\n",
        ),
        ("GET /.well-known/jwks.json HTTP/1.0", ""),
        ("GET http://elsewhere.test/.well-known/jwks.json HTTP/1.1", "host: nexo.test\r\n"),
    ] {
        let answer = ask(line, headers).await;
        assert!(answer.contains(" 200 OK\r\n"), "{line} {headers:?} gets {answer}");
    }
    assert_eq!(reached.load(SeqCst), 4);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let bounds = ConnectionLimits { idle: Duration::from_secs(1), ..ConnectionLimits::default() };
    let (served, _) = gateway(bounds, &[]).await;
    let mut slow = served.connect().await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) && slow.write_all(b"G").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if slow.try_read(&mut [0; 1]).is_ok_and(|read| read == 0) {
            break;
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5), "the connection has ended");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let (served, reached) = gateway(
        ConnectionLimits::default(),
        &[("NEXO_BODY_READ_TIMEOUT_SECONDS", "1"), ("NEXO_UPSTREAM_TIMEOUT_SECONDS", "10")],
    )
    .await;
    for length in ["content-length: 10\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let mut slow = served.connect().await;
        slow.write_all(format!("{LOGIN}{length}").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let answer = read(&mut slow).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("slow-request"),
            "{length:?} gets {answer}"
        );
    }
    assert_eq!(reached.load(SeqCst), 0);
}

#[tokio::test]
async fn there_are_no_more_connections_than_are_allowed() {
    let (served, _) = gateway(ConnectionLimits { connections: 2, ..ConnectionLimits::default() }, &[]).await;
    let asks = "GET /health/live HTTP/1.1\r\nhost: nexo.test\r\n\r\n";
    let mut connections = [served.connect().await, served.connect().await];
    for one in &mut connections {
        one.write_all(asks.as_bytes()).await.unwrap();
        assert!(read(one).await.starts_with("HTTP/1.1 200 "));
    }
    let mut third = served.connect().await;
    third.write_all(asks.as_bytes()).await.unwrap();
    assert_eq!(read(&mut third).await, "", "it waits"); // for as long as an answer could take
    drop(connections);
    assert!(read(&mut third).await.starts_with("HTTP/1.1 200 "));
}
