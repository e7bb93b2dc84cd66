//! Query parameters of imports.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::imports::run::errors::Phase;

/// Description of an uploaded file.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// Resource that the rows are imported into, such as `clients`.
    #[param(example = "clients", max_length = 8192)]
    pub(super) resource: String,
    /// Name of the file, for display.
    #[param(example = "clients.csv", min_length = 1, max_length = 255)]
    pub(super) file_name: String,
    /// Encoding such as `windows-1252`; detected by default.
    #[param(max_length = 8192)]
    pub(super) encoding: Option<String>,
    /// Delimiter between columns: `,`, `;`, `|` or `tab`; detected by default.
    #[param(pattern = "^([,;|]|tab)$", max_length = 3)]
    pub(super) delimiter: Option<String>,
    /// Whether the first line names the columns; detected by default.
    pub(super) header: Option<bool>,
    /// Name of the workbook's sheet; the first by default.
    #[param(max_length = 8192)]
    pub(super) sheet: Option<String>,
}

/// Paging of the list of imports.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportListParams {
    /// Page size: up to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<i64>,
    /// The `next_cursor` of the previous page.
    pub(super) cursor: Option<Uuid>,
}

/// Filter and paging of errors.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportErrorsParams {
    /// Phase of the errors: dry run (`check`), import (`run`, the default) or undo (`undo`).
    #[param(value_type = Option<String>, pattern = "^(check|run|undo)$", max_length = 5)]
    pub(super) phase: Option<Phase>,
    /// Page size: up to 1000; 200 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<i64>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 8192)]
    pub(super) cursor: Option<String>,
}

/// Filter of the file of errors, which has no pages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportErrorsFileParams {
    /// Phase of the errors, as in the list of errors.
    #[param(value_type = Option<String>, pattern = "^(check|run|undo)$", max_length = 5)]
    pub(super) phase: Option<Phase>,
}
