//! `nexo up` as an operator uses it: a process that is started and stopped.

use std::time::Duration;

use crate::process::{Nexo, home};

#[tokio::test]
async fn one_command_brings_everything_up_and_down_again() {
    let home = home();
    let first = Nexo::up(&home, &["--demo"]).await;
    let said = first.get("/api/health").await;
    assert_eq!(said["status"], "up");
    let token = first.login("ana@acme.example", "demo-lantern-orbit").await;
    let clients = first.get_as(&token, "/api/v1/clients?count=exact").await;
    assert_eq!(clients["page"]["total"], 3);
    let document = first.get("/api/openapi.json").await;
    for path in ["/api/v1/clients/{id}/history", "/api/v1/auth/login", "/.well-known/jwks.json"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    let second = Nexo::start(&home, &[]).wait_for_end(Duration::from_secs(20)).await;
    assert!(second.contains("is in use by another nexo"), "{second}");
    let taken = first.url.trim_start_matches("http://");
    let (code, said) = Nexo::command_with(&home, &["up"], &[("NEXO_GATEWAY_LISTEN", taken)]);
    assert!(
        code == 2 && said.contains("NEXO_GATEWAY_LISTEN") && said.contains("NEXO runs already in"),
        "{said}"
    );
    let (code, said) = Nexo::command(&home, &["healthcheck", taken]);
    assert_eq!(code, 0, "{said}");

    let status = Nexo::command(&home, &["db", "status"]);
    assert!(status.0 == 0 && status.1.contains("clients") && !status.1.contains("pending"), "{status:?}");
    let verified = Nexo::command(&home, &["isolation", "verify"]);
    assert_eq!(verified.0, 0, "{}", verified.1);
    assert_eq!(Nexo::command(&home, &["healthcheck", &format!("{}/health/ready", first.url)]).0, 0);

    let address = first.url.clone();
    first.stop().await;
    assert_eq!(Nexo::command(&home, &["healthcheck", &format!("{address}/health/ready")]).0, 1);

    // The next run uses the data, keys and tokens of the first.
    let again = Nexo::up(&home, &["--demo"]).await;
    let clients = again.get_as(&token, "/api/v1/clients?count=exact").await;
    assert_eq!(clients["page"]["total"], 3);
    again.stop().await;
    let status = Nexo::command(&home, &["db", "status", "--json"]);
    assert!(status.1.contains(r#""state": "applied""#), "{status:?}");
}

#[tokio::test]
async fn a_killed_run_is_recovered_from() {
    let home = home();
    let mut killed = Nexo::up(&home, &["--demo"]).await;
    killed.kill().await;
    let again = Nexo::up(&home, &[]).await;
    let token = again.login("ana@acme.example", "demo-lantern-orbit").await;
    assert_eq!(again.get_as(&token, "/api/v1/clients?count=exact").await["page"]["total"], 3);
    again.stop().await;
}

#[tokio::test]
async fn a_breach_is_named_and_keeps_the_services_down() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    nexo.sql("alter table app.clients no force row level security").await;
    let verified = Nexo::command(&home, &["isolation", "verify"]);
    assert!(
        verified.0 == 1 && verified.1.contains("app.clients: row security is not forced"),
        "{verified:?}"
    );
    nexo.stop().await;
    let refused = Nexo::start(&home, &[]).wait_for_end(Duration::from_secs(30)).await;
    assert!(refused.contains("app.clients: row security is not forced"), "{refused}");
}

#[test]
fn what_cannot_be_done_is_said_with_the_way_out() {
    let home = home();
    let (code, said) = Nexo::command(&home, &["db", "status"]);
    assert!(code == 2 && said.contains("start one with `nexo up`"), "{said}");
    let wrong = [("NEXO_ENV", "prod"), ("NEXO_GATEWAY_LISTEN", "x"), ("RUST_BACKTRACE", "1")];
    let (code, said) = Nexo::command_with(&home, &["up"], &wrong);
    assert!(code == 2 && said.contains("NEXO_GATEWAY_LISTEN") && said.contains("NEXO_ENV"), "{said}");
    assert!(!said.contains("backtrace"), "{said}");
    let (code, said) = Nexo::command(&home, &["db", "nonsense"]);
    assert!(code == 2 && said.contains("Usage"), "{said}");
}
