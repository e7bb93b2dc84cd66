//! Operations on imports: upload, plan, start, cancel, undo, and their results.

mod errors;
mod operations;
mod params;
mod read;
mod upload;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use errors::ImportErrors;
pub(crate) use read::{Import, ImportList};

use crate::App;

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
