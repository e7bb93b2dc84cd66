use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Level;

/// What became of a backup after it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The last verification that it passed.
    pub verified: Option<Passed>,
    /// The last one that it failed, if it has passed none since.
    pub failed: Option<Failed>,
    /// Why it is never removed.
    pub pinned: Option<String>,
    /// Whether retention may remove it although a person named it.
    #[serde(default)]
    pub released: bool,
    /// When a command last took it as its way back, as nothing had been written since.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub needed_at: Option<OffsetDateTime>,
    /// The last time that it was restored to measure how long that takes.
    pub drill: Option<Drill>,
}

/// A verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How deep it went.
    pub level: Level,
}

/// A verification that said no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was wrong.
    pub why: String,
    /// The verification that must pass before it counts again; `None`: the deepest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// A restore that was timed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Recovery time (RTO): from the archive to a database that was compared, in milliseconds.
    pub recovery_ms: u64,
    /// Recovery point (RPO): how old the backup was, in seconds.
    pub age_seconds: i64,
}

impl Status {
    /// What is known where the file cannot be trusted: it may have been pinned.
    pub(crate) fn lost(at: OffsetDateTime) -> Self {
        let pinned = Some("its status was lost: it may have been pinned".to_owned());
        let why = "its status.json is missing or was changed".to_owned();
        let failed = Some(Failed { at, why, level: Some(Level::Hashes) });
        Self { failed, pinned, ..Self::default() }
    }
}
