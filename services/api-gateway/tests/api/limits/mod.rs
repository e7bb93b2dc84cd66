//! Rate limiting tests.

mod addresses;
mod at_once;
mod bodies;
mod plans;
mod shared;
mod shown;

use std::time::Duration;

use api_gateway::Config;
use http::{Method, StatusCode};
use testkit::{TestApp, TestContext, TestResponse, TestUser};

use crate::{echo, gateway_with, send};

/// Maximum age of a cached plan in tests that wait for another.
const PLAN_TTL: Duration = Duration::from_millis(100);

/// A gateway where the plan `free` has these limits, such as `reads_per_minute = 6, reads_burst = 3`.
async fn gateway(limits: &str, settings: &[(&'static str, &str)]) -> TestApp {
    gateway_of(TestContext::new("nexo_app").await, limits, settings).await
}

/// A gateway that takes another plan over at once, or notices that none can be looked up.
async fn gateway_with_brief_plans(limits: &str) -> TestApp {
    let ground = TestContext::new("nexo_app").await;
    adjusted(ground, limits, &[], |config| config.plan_ttl = PLAN_TTL).await
}

/// A gateway on an existing context; several gateways share one system.
async fn gateway_of(ground: TestContext, limits: &str, settings: &[(&'static str, &str)]) -> TestApp {
    adjusted(ground, limits, settings, |_| {}).await
}

async fn adjusted(
    ground: TestContext,
    limits: &str,
    settings: &[(&'static str, &str)],
    adjust: impl FnOnce(&mut Config),
) -> TestApp {
    let echo = echo().await;
    ground.database.run(&format!("update app.plan_limits set {limits} where plan = 'free'")).await;
    let settings = [settings, &[("NEXO_AUTH_URL", &echo), ("NEXO_CRM_URL", &echo)]].concat();
    gateway_with(ground, &settings, adjust)
}

/// Sends requests; returns how many were answered and how many rejected.
async fn ask(person: &TestUser, method: Method, times: usize) -> (usize, usize) {
    let mut told = (0, 0);
    for _ in 0..times {
        match send(person, method.clone(), "/api/v1/clients", &[]).await.status {
            StatusCode::OK => told.0 += 1,
            StatusCode::TOO_MANY_REQUESTS => told.1 += 1,
            status => panic!("{status}"),
        }
    }
    told
}

/// Values of `RateLimit-Limit`, `-Remaining` and `-Reset`.
fn left(answer: &TestResponse) -> [Option<u32>; 3] {
    ["limit", "remaining", "reset"]
        .map(|name| answer.header(&format!("ratelimit-{name}")).map(|told| told.parse().unwrap()))
}

#[tokio::test]
async fn every_answer_that_was_charged_tells_what_is_left_and_a_refusal_when_to_come_back() {
    let ana = gateway("reads_per_minute = 6, reads_burst = 3", &[]).await.person("").await;
    let first = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!((first.status, left(&first)), (StatusCode::OK, [Some(3), Some(2), Some(10)]));
    let failed = send(&ana, Method::GET, "/api/v1/drop", &[]).await;
    assert_eq!((failed.status, left(&failed)), (StatusCode::BAD_GATEWAY, [Some(3), Some(1), Some(20)]));
    send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    let refused = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!((left(&refused), refused.header("retry-after")), ([Some(3), Some(0), Some(30)], Some("10")));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let told = refused.expect(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        (&told["type"], &told["code"]),
        (&"/problems/too-many-requests".into(), &"too-many-requests".into())
    );
}

#[tokio::test]
async fn reads_and_writes_and_logins_are_counted_apart() {
    let limits = "reads_per_minute = 6, reads_burst = 3, writes_per_minute = 6, writes_burst = 2";
    let nexo = gateway(limits, &[("NEXO_LOGINS_PER_MINUTE", "6"), ("NEXO_LOGINS_BURST", "4")]).await;
    let (ana, nobody) = (nexo.person("").await, TestUser::nobody(&nexo.router));
    assert_eq!(ask(&ana, Method::GET, 5).await, (3, 2));
    assert_eq!(ask(&ana, Method::POST, 5).await, (2, 3));
    let search = send(&ana, Method::POST, "/api/v1/clients/search", &[]).await;
    assert_eq!(search.status, StatusCode::TOO_MANY_REQUESTS, "a search reads");
    let mut logins = Vec::new();
    for _ in 0..5 {
        logins.push(send(&nobody, Method::POST, "/api/v1/auth/login", &[]).await.status.as_u16());
    }
    assert_eq!(logins, [200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn public_operations_are_not_charged() {
    let nexo =
        gateway("reads_burst = 1", &[("NEXO_LOGINS_PER_MINUTE", "1"), ("NEXO_LOGINS_BURST", "1")]).await;
    let nobody = TestUser::nobody(&nexo.router);
    let preflight = [("origin", "https://app.acme.test"), ("access-control-request-method", "GET")];
    for path in ["/health/live", "/health/ready", "/api/openapi.json", "/docs/"] {
        for _ in 0..3 {
            let answer = send(&nobody, Method::GET, path, &[]).await;
            assert_eq!((answer.status, left(&answer)), (StatusCode::OK, [None; 3]), "{path}");
            let asked = send(&nobody, Method::OPTIONS, "/api/v1/clients", &preflight).await;
            assert_eq!((asked.status, left(&asked)), (StatusCode::OK, [None; 3]));
        }
    }
}

#[tokio::test]
async fn a_noisy_account_is_refused_and_all_requests_of_another_pass() {
    let nexo = gateway("reads_per_minute = 60, reads_burst = 30, at_once = 4", &[]).await;
    let (noisy, quiet) = (nexo.person("").await, nexo.person("").await);
    let noise = (0..8).map(|_| async {
        let mut refused = 0;
        for _ in 0..100 {
            let status = send(&noisy, Method::GET, "/api/v1/clients", &[]).await.status;
            refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
        }
        refused
    });
    let (refused, (answered, _)) =
        tokio::join!(futures::future::join_all(noise), ask(&quiet, Method::GET, 25));
    assert_eq!(answered, 25);
    assert!(refused.iter().sum::<usize>() > 700, "{refused:?}");
}
