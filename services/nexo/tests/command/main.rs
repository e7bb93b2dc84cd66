//! `nexo` as an operator meets it: processes, started and stopped.

mod boot;
mod process;
mod suites;
mod up;
