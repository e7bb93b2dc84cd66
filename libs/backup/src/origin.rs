use serde::{Deserialize, Serialize};

/// Origin of a backup, which determines whether `latest` may select it and how long retention keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Taken by a person, without a label of their own.
    Manual,
    /// Taken and labelled by a person; retention keeps it.
    Named,
    /// Taken by the schedule.
    Scheduled,
    /// Taken by another command before its change. `latest` never selects it, and retention keeps it for a week.
    Command,
}

/// Label of a backup that a person takes without giving one.
pub(crate) const MANUAL: &str = "manual";
pub(crate) const SCHEDULED: &str = "scheduled";
/// Labels of backups that commands take.
const COMMANDS: [&str; 6] = [
    "before-migration",
    "after-migration",
    "before-rollback",
    "before-restore",
    "before-reset",
    "before-tenant-restore",
];

impl Origin {
    /// Origin according to a label, for manifests without one.
    #[must_use]
    pub fn of_label(label: &str) -> Self {
        match label {
            MANUAL => Self::Manual,
            SCHEDULED => Self::Scheduled,
            command if COMMANDS.contains(&command) => Self::Command,
            _ => Self::Named,
        }
    }
}
