use crm_service::projects::Project;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;
use uuid::Uuid;

use crate::{made, nexo};

const RIGHTS: &str = "project:read project:write client:read client:write";

async fn sample(owner: &TestUser) -> Value {
    let client = made(owner, "/clients", json!({ "name": "Acme" })).await;
    json!({
        "client_id": client["id"], "name": "New roof", "code": "P-1", "description": "Before winter.",
        "budget": "10000.00", "actual_cost": "0.00", "currency": "EUR", "progress": 0, "starts_on": "2026-03-01",
        "ends_on": "2026-03-01", "status": "planned", "owner_id": owner.user,
    })
}

#[tokio::test]
async fn projects_are_kept() {
    let change = json!({ "status": "active", "progress": 100, "budget": null, "ends_on": null });
    testkit::assert_resource_contract_with_references::<Project>(
        &nexo().await,
        "client:write client:read",
        sample,
        change,
    )
    .await;
}

#[tokio::test]
async fn a_project_goes_through_its_statuses_in_order() {
    let ana = nexo().await.person(RIGHTS).await;
    let new = sample(&ana).await;
    let statuses = ["planned", "active", "on_hold", "completed", "cancelled"];
    for (from, on) in [
        ("planned", &["planned", "active", "cancelled"][..]),
        ("active", &["active", "on_hold", "completed", "cancelled"]),
        ("on_hold", &["active", "on_hold", "cancelled"]),
        ("completed", &["completed"]),
        ("cancelled", &["cancelled"]),
    ] {
        for to in statuses {
            let mut new = new.clone();
            (new["status"], new["code"]) = (json!(from), json!(format!("{from} {to}")));
            let project = made(&ana, "/projects", new).await;
            let path = format!("/projects/{}", project["id"].as_str().unwrap());
            let moved = ana.patch(&path, &project, json!({ "status": to })).await;
            if on.contains(&to) {
                assert_eq!(moved.expect(StatusCode::OK)["status"], to);
            } else {
                let problem = moved.expect(StatusCode::CONFLICT);
                assert_eq!(problem["code"], "project-status-impossible", "{from} {to}");
                assert_eq!(problem["errors"][0]["pointer"], "/status");
                let detail = problem["detail"].as_str().unwrap();
                let possible: Vec<_> = on.iter().filter(|status| **status != from).collect();
                assert!(possible.iter().all(|status| detail.contains(**status)), "{from}: {detail}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_project_cannot_be_is_named() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let new = sample(&ana).await;
    let theirs = made(&ben, "/clients", json!({ "name": "Acme" })).await["id"].clone();
    for (field, value, pointer) in [
        ("client_id", theirs, "/client_id"),
        ("client_id", json!(Uuid::now_v7()), "/client_id"),
        ("client_id", Value::Null, "/client_id"),
        ("ends_on", json!("2026-02-28"), "/ends_on"),
        ("progress", json!(101), "/progress"),
        ("budget", json!("-1"), "/budget"),
        ("actual_cost", json!("-0.01"), "/actual_cost"),
        ("currency", Value::Null, "/currency"),
    ] {
        let mut new = new.clone();
        new[field] = value;
        let problem = ana.post("/projects", new).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    made(&ana, "/projects", new.clone()).await;
    let taken = ana.post("/projects", new).await.expect(StatusCode::CONFLICT);
    assert_eq!(taken["code"], "project-code-taken");
}

#[tokio::test]
async fn projects_are_found_by_their_client() {
    let ana = nexo().await.person(RIGHTS).await;
    made(&ana, "/projects", sample(&ana).await).await;
    let of = async |name: &str| {
        let filter = json!({ "filter": { "field": "client.name", "op": "eq", "value": name } });
        let found = ana.post("/projects/search", filter).await.expect(StatusCode::OK);
        found["data"].as_array().unwrap().len()
    };
    assert_eq!((of("Acme").await, of("Other").await), (1, 0));
}
