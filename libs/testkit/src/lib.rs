//! A service under test: the real router on a database of its own, and people to call it.
//!
//! The first test of a process starts a PostgreSQL server that goes with it; every test gets a fresh database, copied
//! from one that all migrations were applied to.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod bodies;
mod closed;
mod contract;
mod database;
mod described;
mod ground;
mod guarded;
mod matrix;
mod overblown;
mod person;
mod rabbitmq;
mod redis;
mod rights;

pub use bodies::bodies_are_judged;
pub use closed::{closed, document_is_whole};
pub use contract::{keeps, keeps_beside, keeps_one_by_one};
pub use database::{Database, server, throw_away};
pub use described::answers_are_described;
pub use ground::{Ground, Nexo};
pub use guarded::writes_are_guarded;
pub use matrix::matrix;
pub use overblown::{Overblown, overblown};
pub use person::{Answer, Person};
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use rights::{Rights, Sample, Special};
