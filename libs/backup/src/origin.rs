use serde::{Deserialize, Serialize};

/// What a backup was taken for: that decides what `latest` may mean, and how long retention keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person took it, and gave it no name of its own.
    Manual,
    /// A person took it and named it. Retention keeps it.
    Named,
    /// The schedule took it.
    Scheduled,
    /// Another command took it as its way back. `latest` never means it, and retention keeps it for a week.
    Command,
}

/// The label of a backup that a person takes without giving one.
pub(crate) const MANUAL: &str = "manual";
pub(crate) const SCHEDULED: &str = "scheduled";
/// Labels that commands give.
const COMMANDS: [&str; 6] = [
    "before-migration",
    "after-migration",
    "before-rollback",
    "before-restore",
    "before-reset",
    "before-tenant-restore",
];

impl Origin {
    /// What a label tells, where a manifest does not.
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
