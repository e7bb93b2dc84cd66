//! Concurrent writes and idempotent retries.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{ALL, made, nexo};

fn path(client: &Value) -> String {
    format!("/clients/{}", client["id"].as_str().unwrap())
}

#[tokio::test]
async fn of_fifty_changes_with_one_version_one_wins() {
    let ana = nexo().await.person(ALL).await;
    let acme = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let mut patches = JoinSet::new();
    for n in 0..50 {
        let (ana, acme) = (ana.clone(), acme.clone());
        patches.spawn(
            async move { ana.patch(&path(&acme), &acme, json!({ "name": format!("Acme {n}") })).await },
        );
    }
    let answers = patches.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|one| one.status == StatusCode::OK);
    assert_eq!((won.len(), lost.len()), (1, 49));
    let now = ana.get(&path(&acme)).await.expect(StatusCode::OK);
    assert_eq!((&now, &now["version"]), (&won[0].body, &json!(2)));
    for late in lost {
        let told = late.expect(StatusCode::PRECONDITION_FAILED);
        assert!(told["current"].is_null() || told["current"] == now, "{told}");
    }
    let history = ana.get(&format!("{}/history", path(&acme))).await.expect(StatusCode::OK);
    assert_eq!(history["data"].as_array().unwrap().len(), 2, "what was refused is not told");
}

#[tokio::test]
async fn of_twenty_requests_with_one_idempotency_key_one_is_done() {
    let ana = nexo().await.person(ALL).await;
    let mut sent = JoinSet::new();
    for _ in 0..20 {
        let ana = ana.clone();
        sent.spawn(async move { ana.post_once("/clients", "one", json!({ "name": "Acme" })).await });
    }
    let mut done = 0;
    for answer in sent.join_all().await {
        match answer.status {
            StatusCode::CREATED if answer.header("idempotent-replayed").is_none() => done += 1,
            StatusCode::CREATED => {}
            _ => assert_eq!(answer.expect(StatusCode::CONFLICT)["code"], "idempotency-key-in-flight"),
        }
    }
    let all = ana.get("/clients?count=exact").await.expect(StatusCode::OK);
    assert_eq!((done, &all["page"]["total"]), (1, &json!(1)));
}

#[tokio::test]
async fn a_key_is_its_persons_and_its_requests() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let ben = nexo.member(ana.account, ALL).await;
    let acme = json!({ "name": "Acme" });
    let made = ana.post_once("/clients", "key", acme.clone()).await.expect(StatusCode::CREATED);
    let own = ben.post_once("/clients", "key", acme).await;
    assert_eq!(own.header("idempotent-replayed"), None, "somebody else's key is another");
    assert_eq!(ana.delete(&path(&made), &made).await.status, StatusCode::NO_CONTENT);
    for (path, body) in [
        (format!("{}/restore", path(&made)), Value::Null),
        ("/clients".to_owned(), json!({ "name": "Other" })),
        ("/clients/bulk".to_owned(), json!({ "operation": "restore", "items": [{ "id": made["id"] }] })),
    ] {
        let problem = ana.post_once(&path, "key", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "idempotency-key-reused");
    }
    assert_eq!(ana.get(&path(&made)).await.status, StatusCode::NOT_FOUND, "nothing was done");
}

#[tokio::test]
async fn what_was_refused_may_be_sent_again_under_its_key() {
    let ana = nexo().await.person(ALL).await;
    let acme = json!({ "name": "Acme", "tax_id": "B-1" });
    let first = made(&ana, "/clients", acme.clone()).await;
    assert_eq!(ana.post_once("/clients", "key", acme.clone()).await.status, StatusCode::CONFLICT);
    assert_eq!(
        ana.send(Method::DELETE, &path(&first), Some(&json!(1)), None).await.status,
        StatusCode::NO_CONTENT
    );
    let second = ana.post_once("/clients", "key", acme).await;
    assert_eq!((second.status, second.header("idempotent-replayed")), (StatusCode::CREATED, None));
}
