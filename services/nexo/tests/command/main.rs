//! `nexo` as an operator meets it: processes, started and stopped.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod api;
mod audit;
mod boot;
mod containers;
mod imports;
mod keys;
mod lint;
mod logins;
mod metrics;
mod migrations;
mod northwind;
mod plans;
mod process;
mod servers;
mod site;
mod suites;
mod traces;
mod up;
