//! `nexo maintenance` while NEXO is running.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    process::{Nexo, home},
    site::Site,
};

const PASSWORD: &str = "correct-horse-battery";
const CLIENTS: (&str, &str) = ("POST", "/api/v1/clients");

fn told(said: &str) -> Value {
    serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_maintenance_reads_work_and_writes_are_refused() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let token = nexo.register("ana@acme.test").await;
    let client = nexo.post_as(&token, CLIENTS.1, &json!({ "name": "Acme" })).await;
    let one = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
    let (_, said) = Nexo::command(&home, &["maintenance"]);
    assert!(said.contains("maintenance is off"), "{said}");

    let on = ["maintenance", "on", "--until", "10m", "--reason", "we move to another server", "--json"];
    let (code, said) = Nexo::command(&home, &on);
    assert!(code == 0 && told(&said)["on"] == true, "{said}");
    let until = told(&said)["until"].as_str().unwrap().to_owned();
    assert!(until.contains('T') && until.ends_with('Z'), "{until}");

    let writes = [
        (CLIENTS, json!({ "name": "Borealis" })),
        (("PATCH", one.as_str()), json!({ "name": "B" })),
        (("DELETE", one.as_str()), json!(null)),
        (("POST", "/api/v1/roles"), json!({ "name": "r", "permissions": ["client:read"] })),
        (("POST", "/api/v1/auth/register/resend"), json!({ "email": "ben@acme.test" })),
        (("POST", "/api/v1/auth/password/reset"), json!({ "email": "ana@acme.test" })),
        (("POST", "/api/v1/accounts"), json!({ "name": "Another" })),
    ];
    for (request, body) in &writes {
        let (status, wait, problem) = nexo.answer_to(&token, *request, body, "retry-after").await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("maintenance")), "{request:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("we move to another server"), "{problem}");
        let wait: u32 = wait.unwrap().parse().unwrap();
        assert!((500..=600).contains(&wait), "{wait}");
    }
    for path in [&one, "/api/v1/clients", "/api/v1/auth/me", "/api/v1/audit-log", "/api/v1/security-events"] {
        let (status, _, answer) = nexo.answer_to(&token, ("GET", path), &json!(null), "etag").await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let search = nexo.answer_to(&token, ("POST", "/api/v1/clients/search"), &json!({}), "etag").await;
    assert_eq!(search.0, 200, "{search:?}");

    let person = json!({ "email": "ana@acme.test", "password": PASSWORD });
    let again = nexo.post_as("", "/api/v1/auth/login", &person).await;
    let tokens =
        nexo.post_as("", "/api/v1/auth/refresh", &json!({ "refresh_token": again["refresh_token"] })).await;
    let fresh = tokens["access_token"].as_str().expect("a refresh goes on").to_owned();
    let password = json!({ "password": PASSWORD });
    let stepped = nexo.answer_to(&fresh, ("POST", "/api/v1/auth/step-up"), &password, "etag").await;
    assert_eq!(stepped.0, 204);
    assert_eq!(nexo.answer_to(&fresh, ("POST", "/api/v1/auth/logout"), &json!({}), "etag").await.0, 204);
    for command in [&["db", "backup"][..], &["account", "plan", "n", "pro"], &["db", "check"]] {
        let (code, said) = Nexo::command(&home, command);
        assert_eq!(code, 0, "{command:?}: {said}");
    }

    let (code, said) = Nexo::command(&home, &["maintenance", "off"]);
    assert!(code == 0 && said.contains("maintenance is off"), "{said}");
    assert_eq!(nexo.answer_to(&token, CLIENTS, &json!({ "name": "Borealis" }), "etag").await.0, 201);
    nexo.sql(
        "do $$ begin if (select count(*) from ops.operator_log where operation like '%maintenance%') <> 2
         then raise 'it was not noted'; end if; end $$",
    )
    .await;
    nexo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_ends_by_itself_and_every_replica_knows_it() {
    let site = Site::start(&[]).await;
    let api = site.api();
    let token = api.register("ana@acme.test").await;
    let settings = site.database.settings("nexo_app");
    let maintenance = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nexo"));
        command.env_clear().envs(settings.clone()).arg("maintenance").args(arguments);
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    for (until, wanted) in [("yesterday", "must be a time"), ("2020-01-01T00:00:00Z", "is over already")] {
        let (code, said) = maintenance(&["on", "--until", until, "--reason", "x"]);
        assert!(code == Some(2) && said.contains(wanted), "{said}");
    }
    let (code, said) = maintenance(&["on", "--until", "4s", "--reason", "a moment"]);
    assert!(code == Some(0) && said.contains("a moment"), "{said}");
    let begun = Instant::now();
    let write = async || api.answer_to(&token, CLIENTS, &json!({ "name": "Acme" }), "retry-after").await;
    assert_eq!(write().await.0, 503);
    while write().await.0 == 503 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not end");
        sleep(Duration::from_millis(200)).await;
    }
    let (_, said) = maintenance(&[]);
    assert!(said.contains("maintenance is off"), "{said}");
}
