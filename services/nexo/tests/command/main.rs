//! `nexo` as an operator uses it: processes that are started and stopped.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod answers;
mod api;
mod audit;
mod boot;
mod containers;
mod contract;
mod imports;
mod keys;
mod lint;
mod logins;
mod maintenance;
mod metrics;
mod migrations;
mod northwind;
mod operators;
mod plans;
mod postgres;
mod process;
mod servers;
mod settings;
mod site;
mod suites;
mod traces;
mod up;
