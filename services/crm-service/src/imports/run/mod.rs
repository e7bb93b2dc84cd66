//! Background jobs of imports: dry run, import and undo.

pub(super) mod apply;
mod links;
pub(super) mod report;
mod undo_log;
mod worker;

pub(crate) use worker::jobs;
