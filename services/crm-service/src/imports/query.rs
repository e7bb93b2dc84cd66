//! What requests ask for in their queries.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

/// What is sent, and how it is to be read.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Sent {
    /// What its lines are, such as `clients`.
    #[param(example = "clients")]
    pub(super) resource: String,
    /// What to call it.
    #[param(example = "clients.csv")]
    pub(super) file_name: String,
    /// How it is written, such as `windows-1252`, where that is not as it looks.
    pub(super) encoding: Option<String>,
    /// What stands between columns, where that is not as it looks: `,`, `;`, `|` or `tab`.
    pub(super) delimiter: Option<String>,
    /// Whether the first line names the columns, where that is not as it looks.
    pub(super) header: Option<bool>,
    /// Which sheet of a workbook; the first if not said.
    pub(super) sheet: Option<String>,
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// At most as many, up to 200; 50 if not said.
    pub(super) limit: Option<i64>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<Uuid>,
}

/// Which errors.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of the trial (`check`), of the import itself (`run`, if not said), or what was not taken back (`undo`).
    #[param(value_type = Option<String>)]
    pub(super) phase: Option<Phase>,
    /// At most as many, up to 1000; 200 if not said.
    pub(super) limit: Option<i64>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    Check,
    #[default]
    Run,
    Undo,
}

impl Phase {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Run => "run",
            Self::Undo => "undo",
        }
    }
}
