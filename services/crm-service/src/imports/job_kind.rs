//! Kinds of background job that work on an import.

/// What a background job does with an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportJobKind {
    /// Dry run: processes all rows without writing records.
    Check,
    /// Writes the records.
    Run,
    /// Reverts what was written.
    Undo,
}

impl ImportJobKind {
    /// All kinds of job that work on imports.
    pub(super) const ALL: [Self; 3] = [Self::Check, Self::Run, Self::Undo];

    /// The kind as stored in `app.jobs.kind`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "import-check",
            Self::Run => "import-run",
            Self::Undo => "import-undo",
        }
    }
}
