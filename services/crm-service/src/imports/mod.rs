//! Imports of record files: dry run, import in batches, and undo.
//!
//! * `http`: the operations of the API.
//! * `run`: the background jobs, which apply a file in batches of rows.
//! * `mapping`: the plan, and the values that it makes of a row.
//! * `file`: the uploaded file, stored in parts and read as rows.
//!
//! Each uses those after it. `targets` are the resources. `status` is the state machine of an import.

mod file;
mod http;
mod job_kind;
mod mapping;
mod refusal;
mod run;
mod status;
mod targets;

use web::ResourceName;

pub(crate) use self::http::{Import, ImportErrors, ImportList, router};
pub(crate) use run::jobs;

/// Resource of the permissions on imports.
#[derive(Debug)]
pub(crate) enum Imports {}

impl ResourceName for Imports {
    const NAME: &'static str = "import";
}
