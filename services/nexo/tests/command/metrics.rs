//! Metrics of all processes of an installation, as scraped by Prometheus.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, StatusCode, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use testkit::RabbitMq;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    process::{Nexo, home},
    site::Site,
};

const PATIENCE: Duration = Duration::from_secs(120);

async fn ask(method: &str, url: &str) -> (StatusCode, String) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::builder().method(method).uri(url).body(Empty::new()).unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status, String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned())
}

async fn scrape(port: u16) -> String {
    let (status, text) = ask("GET", &format!("http://127.0.0.1:{port}/metrics")).await;
    assert_eq!(status, StatusCode::OK);
    text
}

/// Value of the series with this name and labels.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// Waits until the value of a series meets the condition.
async fn until(port: u16, series: &str, is_right: impl Fn(f64) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = scrape(port).await;
        let now = value(&text, series);
        if now.is_some_and(&is_right) {
            return;
        }
        assert!(Instant::now() < end, "{series} is {now:?} in {text}");
        sleep(Duration::from_millis(200)).await;
    }
}

fn request(service: &str, method: &str, route: &str, status: u16) -> String {
    format!(
        "http_server_request_duration_seconds_count{{service=\"{service}\",http_request_method=\"{method}\",\
         http_route=\"{route}\",http_response_status_code=\"{status}\"}}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_shows_what_it_counts_at_a_port_of_its_own_and_no_client_makes_a_label() {
    let site = Site::start(&[]).await;
    let api = site.api();
    let token = api.register("ana@acme.test").await;
    let id = api.post_as(&token, "/api/v1/clients", &json!({ "name": "Acme" })).await["id"].clone();
    for _ in 0..3 {
        api.get_as(&token, &format!("/api/v1/clients/{}", id.as_str().unwrap())).await;
    }
    let [gateway, auth, crm] =
        [scrape(site.gateway.metrics).await, scrape(site.auth.metrics).await, scrape(site.crm.metrics).await];
    let one = "/api/v1/clients/{id}";
    assert_eq!(value(&crm, &request("crm-service", "GET", one, 200)), Some(3.0), "{crm}");
    assert_eq!(value(&gateway, &request("api-gateway", "GET", one, 200)), Some(3.0), "{gateway}");
    let confirm = "/api/v1/auth/register/confirm";
    for (text, service) in [(&auth, "auth-service"), (&gateway, "api-gateway")] {
        let made = (200..300).find_map(|status| value(text, &request(service, "POST", confirm, status)));
        assert_eq!(made, Some(1.0), "{text}");
    }
    let answered = r#"nexo_upstream_requests_total{service="crm-service",outcome="answered"}"#;
    assert!(value(&gateway, answered).unwrap() >= 4.0, "{gateway}");
    assert!(value(&crm, r#"nexo_token_cache_requests_total{result="hit"}"#).unwrap() >= 3.0, "{crm}");
    for (text, names) in [
        (&gateway, &["nexo_upstream_circuit_open", "nexo_upstream_request_duration_seconds_count"][..]),
        (
            &auth,
            &["nexo_hashing_waiting", "nexo_hashing_duration_seconds_count", "nexo_signing_key_age_seconds"],
        ),
        (&crm, &["nexo_jobs_running", "nexo_events_failing_components"]),
    ] {
        let everywhere = [
            "http_server_active_requests",
            "db_client_connections",
            "db_client_connection_max",
            "db_client_connection_pending_requests",
            "db_client_connection_wait_time_seconds_count",
            "db_client_connection_timeouts_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_start_time_seconds",
        ];
        for name in everywhere.iter().chain(names) {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in {text}");
        }
    }
    for port in [site.gateway.port, site.auth.port, site.crm.port] {
        assert_eq!(ask("GET", &format!("http://127.0.0.1:{port}/metrics")).await.0, StatusCode::NOT_FOUND);
    }
    for port in [site.gateway.port, site.auth.port, site.crm.port] {
        for number in 0..200 {
            let path = [
                format!("/{number}"),
                format!("/api/v1/{}", Uuid::now_v7()),
                format!("/api/v1/clients/x{number}/y"),
            ];
            ask(&format!("M{number}"), &format!("http://127.0.0.1:{port}{}", path[number % 3])).await;
            ask("GET", &format!("http://127.0.0.1:{port}{}", path[number % 3])).await;
        }
    }
    for (service, before) in [(&site.gateway, &gateway), (&site.auth, &auth), (&site.crm, &crm)] {
        let after = scrape(service.metrics).await;
        let new: BTreeSet<_> = labels(&after).difference(&labels(before)).cloned().collect();
        assert!(new.len() < 12, "{new:?}");
    }
}

/// Names and labels of all series, without their values.
fn labels(text: &str) -> BTreeSet<String> {
    let counted = text.lines().filter(|line| line.contains("_count{"));
    counted.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_in_vain_for_a_connection_are_counted() {
    let site = Site::start(&[("crm-service", "NEXO_DATABASE_CONNECTIONS", "1")]).await;
    let api = site.api();
    // Requests of several accounts, since those of one account queue before they take a connection. There are more of
    // them than are counted: a lock wait times out like a connection wait, so a late request gets the connection of the
    // first.
    let mut tokens = Vec::new();
    for name in ["ana", "ben", "eve", "kim", "lea", "max", "zoe"] {
        tokens.push(api.register(&format!("{name}@acme.test")).await);
    }
    let of_pool = |name: &str| {
        format!(r#"db_client_connection_{name}{{db_client_connection_pool_name="crm-service"}}"#)
    };
    let (waiting, timeouts, metrics) =
        (of_pool("pending_requests"), of_pool("timeouts_total"), site.crm.metrics);
    assert_eq!(value(&scrape(metrics).await, &timeouts), Some(0.0));
    let mut held = site.database.look().await;
    sqlx::raw_sql("begin; lock table app.clients").execute(&mut held).await.unwrap();
    let asking = join_all(tokens.iter().map(|token| api.get_as(token, "/api/v1/clients")));
    let seen = until(metrics, &waiting, |waiting| waiting >= 3.0);
    let counted = until(metrics, &timeouts, |gone| gone >= 3.0);
    let let_go = async {
        tokio::join!(seen, counted);
        sqlx::raw_sql("rollback").execute(&mut held).await.unwrap();
    };
    let (answers, ()) = tokio::join!(asking, let_go);
    let refused = answers.iter().filter(|answer| answer["status"] == 503).count();
    assert!(refused >= 3, "{answers:?}");
    until(metrics, &waiting, |waiting| waiting < 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_is_seen_to_fill_while_the_broker_is_away_and_to_empty_again() {
    let mut broker = RabbitMq::start().await;
    let home = home();
    let nexo = Nexo::up_with(&home, &["--demo"], &[("AMQP_URL", &broker.url())]).await;
    let metrics = nexo.metrics.unwrap();
    let token = nexo.login("ana@acme.example", "demo-lantern-orbit").await;
    until(metrics, "nexo_outbox_pending_events", |waiting| waiting < 1.0).await;
    until(metrics, "nexo_events_failing_components", |troubles| troubles < 1.0).await;
    assert!(value(&scrape(metrics).await, "nexo_outbox_published_total").unwrap() > 0.0);
    assert!(value(&scrape(metrics).await, "nexo_backups").is_some(), "backups are watched as well");
    broker.sync().await;
    broker.kill();
    for name in ["one", "two", "three"] {
        nexo.post_as(&token, "/api/v1/clients", &json!({ "name": name })).await;
    }
    until(metrics, "nexo_outbox_pending_events", |waiting| waiting >= 3.0).await;
    until(metrics, "nexo_outbox_lag_seconds", |seconds| seconds > 6.0).await;
    until(metrics, "nexo_events_failing_components", |troubles| troubles >= 1.0).await;
    broker.start_again().await;
    until(metrics, "nexo_outbox_lag_seconds", |seconds| seconds < 0.001).await;
    until(metrics, "nexo_events_failing_components", |troubles| troubles < 1.0).await;
    nexo.stop().await;
}
