//! How imports say no.

use db::{Refusal, Sort};

/// How many jobs of one account may wait, or be worked at.
pub(super) const MOST_JOBS: i64 = 20;

/// Why a file is not taken, or nothing is done with it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImportRefusal {
    /// Nothing of that name is imported.
    #[error("no records of this kind are imported")]
    UnknownResource,
    /// No encoding has that name.
    #[error("no encoding has this name: say such as utf-8 or windows-1252")]
    UnknownEncoding,
    /// The bytes are not what the encoding has.
    #[error("the file holds bytes that its encoding does not have")]
    Undecodable,
    /// Not an archive that holds a workbook.
    #[error("the file is not an XLSX workbook that can be read")]
    NoWorkbook,
    /// The workbook has no such sheet.
    #[error("the workbook has no such sheet")]
    NoSheet,
    /// See the bounds in `docs/imports.md`.
    #[error("the file is larger, unpacked, than files may be")]
    TooLarge,
    /// Nothing in it.
    #[error("the file holds no lines")]
    Empty,
    /// More than 200.
    #[error("the file has more than 200 columns")]
    TooManyColumns,
    /// More than a million.
    #[error("the file has more than 1000000 lines")]
    TooManyRows,
    /// A quotation mark that nobody closed, most likely.
    #[error("line {0} does not end within 1 MiB: a quotation mark is not closed, perhaps")]
    Endless(i64),
    /// See [`MOST_JOBS`].
    #[error("{MOST_JOBS} jobs of this account wait to be worked at: let some of them end, or cancel them")]
    TooManyJobs,
    /// Not what can be done with an import of its status.
    #[error("an import that is {0} does not take this")]
    Status(&'static str),
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
            Self::Status(_) => "import-status",
        }
    }

    fn sort(&self) -> Sort {
        if matches!(self, Self::Status(_) | Self::TooManyJobs) { Sort::Conflict } else { Sort::Invalid }
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
