//! Backups of a real server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod choose;
mod damage;
mod keep;
mod keys;
mod lacks;
mod remote;
mod restore;
mod schedule;
mod support;
mod tenant;
mod writes;
