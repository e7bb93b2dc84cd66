//! End-to-end tests of event delivery over both buses.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod broker;
mod chaos;
mod claims;
mod delivery;
mod parked;
mod site;
