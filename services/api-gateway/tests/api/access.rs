//! Tests of the access log.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::{in_front_of_echo, lines::Lines, send};

#[tokio::test]
async fn an_access_log_line_has_what_an_operator_needs_and_no_secret() {
    let nexo = in_front_of_echo().await;
    let ana = nexo.person("").await;
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().json().with_writer(lines.clone()).finish();
    let logging = tracing::subscriber::set_default(log);
    let record = "01890b0a-5d3c-7000-8000-0123456789ab";
    let path = format!("/api/v1/clients/{record}/history?q=acme-secret&token=t0ps3cret");
    let headers = [("idempotency-key", "a-key-of-mine"), ("cookie", "s3ss10n")];
    let answer = ana.send_raw(Method::POST, &path, &headers, "a body of people").await;
    let id = answer.header("x-request-id").unwrap().to_owned();
    answer.expect(StatusCode::OK);
    let refused = send(&testkit::TestUser::nobody(&nexo.router), Method::GET, "/api/v1/clients", &[]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let slow = send(&ana, Method::GET, "/api/v1/slow", &[]);
    assert!(tokio::time::timeout(Duration::from_millis(100), slow).await.is_err(), "whoever asked has gone");
    drop(logging);

    let text = lines.text();
    let secrets = [&ana.token, "acme-secret", "t0ps3cret", "a-key-of-mine", "s3ss10n", "people", record];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> =
        lines.iter().filter(|line| line["target"] == "access").map(|line| &line["fields"]).collect();
    assert_eq!(lines.len(), 3, "{text}");
    let told = lines[0];
    assert_eq!(
        (
            &told["request.id"],
            &told["account.id"],
            &told["http.route"],
            &told["http.method"],
            &told["http.status"]
        ),
        (
            &id.into(),
            &ana.account.to_string().into(),
            &"/api/v1/clients/{id}/history".into(),
            &"POST".into(),
            &200.into()
        )
    );
    assert!(
        told["bytes"].as_u64().unwrap() > 100 && told["duration_ms"].as_f64() >= told["upstream_ms"].as_f64()
    );
    assert!(told["upstream"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!((&lines[1]["http.status"], &lines[1]["upstream"]), (&401.into(), &Value::Null));
    assert_eq!((&lines[2]["http.status"], &lines[2]["http.route"]), (&499.into(), &"/api/v1/slow".into()));
}
