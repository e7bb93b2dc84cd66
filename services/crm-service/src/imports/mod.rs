//! Imports of record files: dry run, import in batches, and undo.

mod file;
mod http;
mod job_kind;
mod mapping;
mod refusal;
mod registry;
mod run;
mod status;
mod undo;
mod write;

use web::ResourceName;

pub(crate) use self::http::{Import, ImportErrors, ImportList, router};
pub(crate) use run::jobs;

/// Resource of the permissions on imports.
#[derive(Debug)]
pub(crate) enum Imports {}

impl ResourceName for Imports {
    const NAME: &'static str = "import";
}
