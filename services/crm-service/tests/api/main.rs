//! The service as its clients see it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod about;
mod addresses;
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
use testkit::{Ground, Nexo, Person};

async fn nexo() -> Nexo {
    on(Ground::of("nexo_app").await)
}

fn on(ground: Ground) -> Nexo {
    testkit::answers_are_described(crm_service::document);
    let app = App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    Nexo { router: crm_service::router(app).0, ground }
}

const ALL: &str = "client:read client:write client:delete";

/// A record that was made without ado.
async fn made(person: &Person, path: &str, body: Value) -> Value {
    person.post(path, body).await.expect(StatusCode::CREATED)
}
