//! Migrations on a real server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test should fail where it fails"
)]

mod apply;
mod backfill;
mod catalogue;
mod cut;
mod disk;
mod dry_run;
mod guard;
mod history;
mod index;
mod isolation;
mod locks;
mod pooler;
mod rollback;
mod support;
