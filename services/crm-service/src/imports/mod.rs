//! Imports: files of records, tried out, taken in part by part, and taken back.

mod constants;
mod convert;
mod decode;
mod did;
mod errors;
mod file;
mod links;
mod mapping;
mod operations;
mod plan;
mod query;
mod refusal;
mod registry;
mod report;
mod rows;
mod show;
mod survey;
mod table;
mod undo;
mod upload;
mod work;
mod write;
mod xlsx;

use utoipa_axum::{router::OpenApiRouter, routes};
use web::Subject;

pub(crate) use errors::ImportErrors;
pub(crate) use show::{Import, ImportList};
pub(crate) use work::work;

use crate::App;

/// What permissions are about.
#[derive(Debug)]
pub(crate) enum Imports {}

impl Subject for Imports {
    const NAME: &'static str = "import";
}

/// The kinds of jobs that are worked at here.
pub(crate) const JOBS: &[&str] = &[CHECK, RUN, UNDO];
const CHECK: &str = "import-check";
const RUN: &str = "import-run";
const UNDO: &str = "import-undo";

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::list_imports, upload::upload_import))
        .routes(routes!(show::find_import, operations::remove_import))
        .routes(routes!(operations::plan_import))
        .routes(routes!(operations::check_import))
        .routes(routes!(operations::start_import))
        .routes(routes!(operations::cancel_import))
        .routes(routes!(operations::undo_import))
        .routes(routes!(errors::list_import_errors))
        .routes(routes!(errors::export_import_errors))
}
