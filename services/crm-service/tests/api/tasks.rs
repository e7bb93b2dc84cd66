use crm_service::tasks::Task;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;
use uuid::Uuid;

use crate::{made, nexo};

const RIGHTS: &str = "task:read task:write";

async fn sample(owner: &TestUser) -> Value {
    let client = made(owner, "/clients", json!({ "name": "Acme" })).await;
    let roof = json!({ "client_id": client["id"], "name": "New roof", "code": "P-1" });
    let project = made(owner, "/projects", roof).await;
    let parent = made(owner, "/tasks", json!({ "title": "Roof" })).await;
    json!({
        "project_id": project["id"], "parent_id": parent["id"], "title": "Order slates", "description": "The grey ones.",
        "assignee_id": owner.user, "priority": "urgent", "status": "done", "due_at": "2026-03-01T09:30:00Z",
        "completed_at": "2026-02-28T10:00:00.123456Z",
        "checklist": [{ "text": "count", "done": true }, { "text": "call", "done": false }],
    })
}

fn path(task: &Value) -> String {
    format!("/tasks/{}", task["id"].as_str().unwrap())
}

#[tokio::test]
async fn tasks_are_kept() {
    let change = json!({ "status": "in_progress", "completed_at": null, "parent_id": null, "checklist": [] });
    testkit::assert_resource_contract_with_references::<Task>(
        &nexo().await,
        "client:write client:read project:write project:read",
        sample,
        change,
    )
    .await;
}

#[tokio::test]
async fn a_subtask_has_no_subtasks() {
    let ana = nexo().await.person(RIGHTS).await;
    let task = |title: &str, parent: &Value| json!({ "title": title, "parent_id": parent });
    let top = made(&ana, "/tasks", task("top", &Value::Null)).await;
    let sub = made(&ana, "/tasks", task("sub", &top["id"])).await;
    let refused = ana.post("/tasks", task("lower", &sub["id"])).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "task-parent-is-subtask");
    assert_eq!(refused["errors"][0]["pointer"], "/parent_id");
    let other = made(&ana, "/tasks", task("other", &Value::Null)).await;
    let below = ana.patch(&path(&top), &top, json!({ "parent_id": other["id"] })).await;
    assert_eq!(below.expect(StatusCode::CONFLICT)["code"], "task-parent-is-subtask", "it has one already");
    let itself = ana.patch(&path(&other), &other, json!({ "parent_id": other["id"] })).await;
    assert_eq!(itself.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "task-parent-is-itself");
    let free = ana.patch(&path(&sub), &sub, json!({ "parent_id": null })).await.expect(StatusCode::OK);
    made(&ana, "/tasks", task("lower", &free["id"])).await;
}

#[tokio::test]
async fn of_two_changes_that_together_nest_tasks_twice_one_is_refused() {
    let ana = nexo().await.person(RIGHTS).await;
    for _ in 0..10 {
        let one = made(&ana, "/tasks", json!({ "title": "one" })).await;
        let two = made(&ana, "/tasks", json!({ "title": "two" })).await;
        let below = |task: &Value, parent: &Value| {
            let (ana, path, task) = (ana.clone(), path(task), task.clone());
            let patch = json!({ "parent_id": parent["id"] });
            tokio::spawn(async move { ana.patch(&path, &task, patch).await.status })
        };
        let (first, second) = (below(&one, &two), below(&two, &one));
        let answers = [first.await.unwrap(), second.await.unwrap()];
        let done = answers.iter().filter(|status| **status == StatusCode::OK).count();
        // The two may deadlock; the database then aborts one of them, which may be retried.
        let refused = [StatusCode::CONFLICT, StatusCode::SERVICE_UNAVAILABLE];
        assert!(done == 1 && answers.iter().any(|status| refused.contains(status)), "{answers:?}");
    }
}

#[tokio::test]
async fn a_task_is_done_at_some_time_and_otherwise_at_none() {
    let ana = nexo().await.person(RIGHTS).await;
    for (status, at, code) in [
        ("done", Value::Null, "task-completed-at-missing"),
        ("open", json!("2026-02-28T10:00:00Z"), "task-not-done"),
        ("cancelled", json!("2026-02-28T10:00:00Z"), "task-not-done"),
        ("done", json!("9999-12-31T23:59:59-23:59"), "invalid"),
    ] {
        let task = json!({ "title": "t", "status": status, "completed_at": at });
        let problem = ana.post("/tasks", task).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], code);
        assert_eq!(problem["errors"][0]["pointer"], "/completed_at");
    }
}

#[tokio::test]
async fn what_a_task_refers_to_is_of_the_same_account() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let theirs = made(&ben, "/tasks", json!({ "title": "t" })).await["id"].clone();
    for (field, id, code) in [
        ("parent_id", theirs, "task-parent-unknown"),
        ("parent_id", json!(Uuid::now_v7()), "task-parent-unknown"),
        ("project_id", json!(Uuid::now_v7()), "task-project-unknown"),
        ("assignee_id", json!(ben.user), "task-assignee-not-a-member"),
    ] {
        let refused = ana.post("/tasks", json!({ "title": "t", field: id })).await;
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], code);
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
}
