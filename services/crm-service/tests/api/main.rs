//! The service as its clients see it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod bad_input;
mod beside;
mod bulk;
mod clients;
mod filters;
mod isolation;
mod lists;
mod reach;
mod schema;
mod selection;
mod tokens;

use crm_service::App;
use testkit::{Ground, Nexo};

async fn nexo() -> Nexo {
    on(Ground::of("nexo_app").await)
}

fn on(ground: Ground) -> Nexo {
    let app = App { db: ground.db.clone(), verifier: ground.verifier.clone() };
    Nexo { router: crm_service::router(app).0, ground }
}

const ALL: &str = "client:read client:write client:delete";
