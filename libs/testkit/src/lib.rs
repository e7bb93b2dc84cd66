//! Test kit: the real router of a service on a database of its own, and users to call it.
//!
//! The first test of a process starts a PostgreSQL server that ends with it. Every test gets a new database,
//! copied from a migrated template.
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
