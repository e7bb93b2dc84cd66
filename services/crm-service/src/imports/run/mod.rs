//! Background jobs of imports: dry run, import and undo.

mod apply;
pub(super) mod errors;
mod links;
pub(super) mod report;
mod undo_log;
mod worker;

pub(crate) use worker::jobs;
