//! Imports of record files: dry run, import in batches, and undo.

mod apply;
mod constants;
mod convert;
mod decode;
mod errors;
mod file;
mod inspect;
mod job_kind;
mod links;
mod mapping;
mod operations;
mod params;
mod plan;
mod read;
mod refusal;
mod registry;
mod report;
mod table;
mod undo;
mod undo_log;
mod upload;
mod worker;
mod write;
mod xlsx;

use utoipa_axum::{router::OpenApiRouter, routes};
use web::ResourceName;

pub(crate) use errors::ImportErrors;
pub(crate) use read::{Import, ImportList};
pub(crate) use worker::jobs;

use crate::App;

/// Resource of the permissions on imports.
#[derive(Debug)]
pub(crate) enum Imports {}

impl ResourceName for Imports {
    const NAME: &'static str = "import";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read::list_imports, upload::upload_import))
        .routes(routes!(read::get_import, operations::delete_import))
        .routes(routes!(operations::plan_import))
        .routes(routes!(operations::check_import))
        .routes(routes!(operations::start_import))
        .routes(routes!(operations::cancel_import))
        .routes(routes!(operations::undo_import))
        .routes(routes!(errors::list_import_errors))
        .routes(routes!(errors::export_import_errors))
}
