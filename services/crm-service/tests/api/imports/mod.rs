//! Imports of files, and their undo.

mod files;
mod modes;
mod northwind;
mod rights;
mod turns;

use std::time::Duration;

use http::{Method, StatusCode};
use jobs::Worker;
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use tokio_util::sync::CancellationToken;

use crate::nexo;

const RIGHTS: &str = "import:* client:* contact:* supplier:* employee:* project:* task:*";
const CSV: &str = "text/csv";

/// A running service and a worker for its jobs.
struct Site {
    nexo: TestApp,
    worker: Worker,
}

impl Site {
    async fn set() -> (Self, TestUser) {
        let site = Self::on(nexo().await);
        let ana = site.nexo.person(RIGHTS).await;
        (site, ana)
    }

    fn on(nexo: TestApp) -> Self {
        let worker = worker(&nexo, Duration::from_secs(30));
        Self { nexo, worker }
    }

    /// Runs jobs until none is due.
    async fn work(&self) {
        while self.worker.work_once().await.unwrap() {}
    }

    /// Starts an operation on an import and waits for its end.
    async fn run(&self, person: &TestUser, import: &Value, what: &str) -> Value {
        person
            .send(Method::POST, &format!("{}/{what}", path(import)), None, None)
            .await
            .expect(StatusCode::ACCEPTED);
        self.work().await;
        seen(person, import).await
    }
}

fn worker(nexo: &TestApp, lease: Duration) -> Worker {
    Worker::new(nexo.ground.db.clone(), crm_service::jobs(), lease, CancellationToken::new())
}

fn path(import: &Value) -> String {
    format!("/imports/{}", import["id"].as_str().unwrap())
}

async fn seen(person: &TestUser, import: &Value) -> Value {
    person.get(&path(import)).await.expect(StatusCode::OK)
}

/// Uploads a file and returns the response.
async fn sent(
    person: &TestUser,
    query: &str,
    media: &str,
    file: impl Into<axum::body::Body>,
) -> testkit::TestResponse {
    person.send_raw(Method::POST, &format!("/api/v1/imports?{query}"), &[("content-type", media)], file).await
}

async fn uploaded(person: &TestUser, resource: &str, file: impl Into<axum::body::Body>) -> Value {
    let query = format!("resource={resource}&file_name=a.csv");
    sent(person, &query, CSV, file).await.expect(StatusCode::CREATED)
}

async fn planned(person: &TestUser, import: &Value, plan: Value) -> Value {
    let path = format!("{}/plan", path(import));
    person.send(Method::PUT, &path, Some(&import["version"]), Some(plan)).await.expect(StatusCode::OK)
}

/// Uploads, plans and imports a file.
async fn imported(site: &Site, person: &TestUser, resource: &str, file: &str, plan: Value) -> Value {
    let import = uploaded(person, resource, file.to_owned()).await;
    planned(person, &import, plan).await;
    let done = site.run(person, &import, "start").await;
    assert_eq!(done["status"], "done", "{done}");
    done
}

/// Mapping of columns to fields of the same name.
fn same(fields: &[&str]) -> Value {
    fields.iter().map(|field| json!({ "column": field, "field": field })).collect()
}

async fn errors(person: &TestUser, import: &Value, phase: &str) -> Vec<Value> {
    let page =
        person.get(&format!("{}/errors?phase={phase}&limit=1000", path(import))).await.expect(StatusCode::OK);
    page["data"].as_array().unwrap().clone()
}

/// All records of a resource.
async fn all(person: &TestUser, resource: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/{resource}?limit=200{cursor}")).await.expect(StatusCode::OK);
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["page"]["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// Numbers of a report: `(created, updated, unchanged, failed)`.
fn counts(report: &Value) -> (i64, i64, i64, i64) {
    let count = |name: &str| report[name].as_i64().unwrap_or(-1);
    (count("created"), count("updated"), count("unchanged"), count("failed"))
}
