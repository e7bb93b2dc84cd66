//! Test kit: the real router of a service on a database of its own, and users to call it.
//!
//! The first test of a process starts a PostgreSQL server that ends with it. Every test gets a new database,
//! copied from a migrated template.
//!
//! * [`TestApp`] is a service under test on its [`TestContext`]; it creates accounts and members.
//! * [`TestUser`] sends requests as one person.
//! * [`assert_resource_contract`] asserts what holds for every resource.
//!
//! ```
//! use http::StatusCode;
//! use testkit::{TestApp, TestContext};
//!
//! /// A test, with `#[tokio::test]`; `router` is the one of the service.
//! async fn a_client_is_visible_in_its_account_only(router: impl Fn(&TestContext) -> axum::Router) {
//!     let ground = TestContext::new("nexo_app").await;
//!     let nexo = TestApp { router: router(&ground), ground };
//!     let (ana, ben) = (nexo.person("client:read client:write").await, nexo.person("client:read").await);
//!     let acme = serde_json::json!({ "name": "Acme" });
//!     let made = ana.post("/clients", acme).await.expect(StatusCode::CREATED);
//!     ben.get(&format!("/clients/{}", made["id"].as_str().unwrap())).await.expect(StatusCode::NOT_FOUND);
//! }
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod api_document;
mod bodies;
mod conditional_writes;
mod contract;
mod database;
mod ground;
mod oversize;
mod ports;
mod rabbitmq;
mod redis;
mod requires_auth;
mod rights;
mod role_matrix;
mod user;

pub use api_document::validate_answers_against;
pub use bodies::assert_bodies_checked;
pub use conditional_writes::assert_writes_conditional;
pub use contract::{
    assert_resource_contract, assert_resource_contract_with_references, assert_resource_contract_without_bulk,
};
pub use database::{Database, ephemeral, server};
pub use ground::{TestApp, TestContext};
pub use oversize::{OversizeReport, assert_oversize_rejected};
pub use ports::free_port;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use requires_auth::{assert_openapi_valid, assert_requires_auth};
pub use rights::{Rights, Sample, Special};
pub use role_matrix::role_matrix;
pub use user::{TestResponse, TestUser};
