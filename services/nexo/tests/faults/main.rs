//! `nexo db migrate` killed, stopped and out of resources, each time at the worst moment.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

mod backups;
mod checks;
mod killed;
mod process;
mod restores;
mod site;
mod stopped;
