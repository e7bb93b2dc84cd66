//! Reasons to refuse uploads and operations on imports.

use db::{Refusal, RefusalKind};

use super::status::ImportStatus;

/// Maximum number of unfinished jobs of an account.
pub(super) const MAX_JOBS: i64 = 20;

/// Why an upload or an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImportRefusal {
    /// The resource does not exist or cannot be imported.
    #[error("no records of this kind are imported")]
    UnknownResource,
    /// The named encoding does not exist.
    #[error("no encoding has this name: say such as utf-8 or windows-1252")]
    UnknownEncoding,
    /// The file contains bytes that are invalid in its encoding.
    #[error("the file holds bytes that its encoding does not have")]
    Undecodable,
    /// The file is not a readable XLSX workbook.
    #[error("the file is not an XLSX workbook that can be read")]
    NoWorkbook,
    /// The workbook has no such sheet.
    #[error("the workbook has no such sheet")]
    NoSheet,
    /// See the bounds in `docs/imports.md`.
    #[error("the file is larger, unpacked, than files may be")]
    TooLarge,
    /// The file has no rows at all.
    #[error("the file holds no lines")]
    Empty,
    /// The file has more than 200 columns.
    #[error("the file has more than 200 columns")]
    TooManyColumns,
    /// The file has more than a million rows.
    #[error("the file has more than 1000000 lines")]
    TooManyRows,
    /// A row exceeds its maximum length, most likely due to an unclosed quotation mark. Holds its line.
    #[error("line {0} does not end within 1 MiB: a quotation mark is not closed, perhaps")]
    Endless(i64),
    /// The account has [`MAX_JOBS`] unfinished jobs.
    #[error("{MAX_JOBS} jobs of this account wait to be worked at: let some of them end, or cancel them")]
    TooManyJobs,
    /// The operation is not possible in this status of the import.
    #[error("an import that is {0} does not take this")]
    Status(ImportStatus),
    /// The import has no plan yet.
    #[error("an import that is without a plan does not take this")]
    NoPlan,
}

impl Refusal for ImportRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownResource => "import-resource-unknown",
            Self::UnknownEncoding => "import-encoding-unknown",
            Self::Undecodable => "import-undecodable",
            Self::NoWorkbook => "import-no-workbook",
            Self::NoSheet => "import-no-sheet",
            Self::TooLarge => "import-too-large",
            Self::Empty => "import-empty",
            Self::TooManyColumns => "import-too-many-columns",
            Self::TooManyRows => "import-too-many-rows",
            Self::Endless(_) => "import-endless-line",
            Self::TooManyJobs => "import-too-many-jobs",
            Self::Status(_) | Self::NoPlan => "import-status",
        }
    }

    fn kind(&self) -> RefusalKind {
        if matches!(self, Self::Status(_) | Self::NoPlan | Self::TooManyJobs) {
            RefusalKind::Conflict
        } else {
            RefusalKind::Invalid
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::UnknownResource => Some("/resource"),
            Self::UnknownEncoding => Some("/encoding"),
            Self::NoSheet => Some("/sheet"),
            _ => None,
        }
    }
}
