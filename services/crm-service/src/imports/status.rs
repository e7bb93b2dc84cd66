//! Status of an import: what each operation requires, and what each job leads to.

use std::fmt::{Display, Formatter, Result};

use jobs::JobOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_kind::ImportJobKind;

/// Status of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum ImportStatus {
    /// The upload is not complete.
    Receiving,
    /// The file is stored, without a plan.
    Uploaded,
    /// The plan is set.
    Ready,
    /// The dry run is running.
    Checking,
    /// The dry run has ended.
    Checked,
    /// The import is running.
    Running,
    /// All rows are imported, or reported as errors.
    Done,
    /// The import was cancelled; it can be resumed.
    Cancelled,
    /// The import or its undo has failed; it can be resumed.
    Failed,
    /// The import is being reverted.
    Undoing,
    /// The import is reverted.
    Undone,
}

db::text_enum!(ImportStatus);

/// An operation that requires a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Sets the plan of the import.
    Plan,
    /// Starts a job of this kind.
    Start(ImportJobKind),
    /// Cancels the running job.
    Cancel,
    /// Deletes the import.
    Delete,
}

impl ImportStatus {
    /// True if the operation is possible in this status.
    pub(super) const fn allows(self, operation: Operation) -> bool {
        match operation {
            Operation::Plan => matches!(self, Self::Uploaded | Self::Ready | Self::Checked),
            Operation::Start(ImportJobKind::Check) => matches!(self, Self::Ready | Self::Checked),
            Operation::Start(ImportJobKind::Run) => {
                matches!(self, Self::Ready | Self::Checked | Self::Cancelled | Self::Failed)
            }
            Operation::Start(ImportJobKind::Undo) => {
                matches!(self, Self::Done | Self::Cancelled | Self::Failed)
            }
            Operation::Cancel => matches!(self, Self::Checking | Self::Running),
            Operation::Delete => !matches!(self, Self::Checking | Self::Running | Self::Undoing),
        }
    }

    /// Status while a job of this kind runs.
    pub(super) const fn during(kind: ImportJobKind) -> Self {
        match kind {
            ImportJobKind::Check => Self::Checking,
            ImportJobKind::Run => Self::Running,
            ImportJobKind::Undo => Self::Undoing,
        }
    }

    /// Status after a job of this kind has ended.
    pub(super) const fn after(kind: ImportJobKind, outcome: JobOutcome) -> Self {
        match (kind, outcome) {
            (ImportJobKind::Check, JobOutcome::Done) => Self::Checked,
            (ImportJobKind::Check, JobOutcome::Cancelled | JobOutcome::Failed(_)) => Self::Ready,
            (ImportJobKind::Run, JobOutcome::Done) => Self::Done,
            (ImportJobKind::Run, JobOutcome::Cancelled) => Self::Cancelled,
            (ImportJobKind::Undo, JobOutcome::Done) => Self::Undone,
            (ImportJobKind::Undo, JobOutcome::Cancelled) | (_, JobOutcome::Failed(_)) => Self::Failed,
        }
    }

    /// True if no job can process the file again.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Undone)
    }

    /// The status as stored in `app.imports.status`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Uploaded => "uploaded",
            Self::Ready => "ready",
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

impl Display for ImportStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ImportJobKind::{Check, Run, Undo},
        Operation::{Cancel, Delete, Plan, Start},
        *,
    };

    /// The operations that each status allows.
    const ALLOWED: [(ImportStatus, &[Operation]); 11] = [
        (ImportStatus::Receiving, &[Delete]),
        (ImportStatus::Uploaded, &[Plan, Delete]),
        (ImportStatus::Ready, &[Plan, Start(Check), Start(Run), Delete]),
        (ImportStatus::Checking, &[Cancel]),
        (ImportStatus::Checked, &[Plan, Start(Check), Start(Run), Delete]),
        (ImportStatus::Running, &[Cancel]),
        (ImportStatus::Done, &[Start(Undo), Delete]),
        (ImportStatus::Cancelled, &[Start(Run), Start(Undo), Delete]),
        (ImportStatus::Failed, &[Start(Run), Start(Undo), Delete]),
        (ImportStatus::Undoing, &[]),
        (ImportStatus::Undone, &[Delete]),
    ];

    #[test]
    fn each_status_allows_its_operations_and_no_others() {
        for (status, allowed) in ALLOWED {
            let all = [Plan, Start(Check), Start(Run), Start(Undo), Cancel, Delete];
            let told: Vec<_> = all.into_iter().filter(|operation| status.allows(*operation)).collect();
            assert_eq!(told, allowed, "{status}");
        }
    }

    #[test]
    fn a_status_is_stored_as_it_is_serialized() {
        for (status, _) in ALLOWED {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn a_failed_dry_run_changes_nothing_and_a_failed_import_can_be_resumed() {
        assert_eq!(ImportStatus::after(Check, JobOutcome::Failed("internal")), ImportStatus::Ready);
        for kind in [Run, Undo] {
            let failed = ImportStatus::after(kind, JobOutcome::Failed("internal"));
            assert!(failed.allows(Start(kind)), "{kind:?}");
        }
    }
}
