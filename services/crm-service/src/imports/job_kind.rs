//! Kinds of background job that work on an import.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a background job does with an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum ImportJobKind {
    /// Dry run: processes all rows without writing records.
    #[serde(rename = "import-check")]
    Check,
    /// Writes the records.
    #[serde(rename = "import-run")]
    Run,
    /// Reverts what was written.
    #[serde(rename = "import-undo")]
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

    /// Actions on the records of the import that the job's user must be permitted.
    pub(super) const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Check | Self::Run => &["write"],
            Self::Undo => &["write", "delete"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_stored_as_it_is_serialized() {
        for kind in ImportJobKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
