//! The service as its clients see it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod about;
mod account_schema;
mod addresses;
mod aggregates;
mod audit;
mod bad_input;
mod beside;
mod bookings;
mod bulk;
mod clients;
mod contacts;
mod employees;
mod exports;
mod filters;
mod hideable;
mod imports;
mod isolation;
mod lists;
mod notifications;
mod overblown;
mod professionals;
mod projects;
mod reach;
mod rights;
mod round_trips;
mod schema;
mod search;
mod selection;
mod shares;
mod suppliers;
mod tasks;
mod tokens;
mod trash;
mod writes;

use crm_service::App;
use http::StatusCode;
use serde_json::Value;
use testkit::{TestApp, TestContext, TestUser};

async fn nexo() -> TestApp {
    on(TestContext::new("nexo_app").await)
}

fn on(ground: TestContext) -> TestApp {
    testkit::validate_answers_against(crm_service::document);
    let app = App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    TestApp { router: crm_service::router(app).0, ground }
}

const ALL: &str = "client:read client:write client:delete";

/// Creates a record and returns it.
async fn made(person: &TestUser, path: &str, body: Value) -> Value {
    person.post(path, body).await.expect(StatusCode::CREATED)
}
