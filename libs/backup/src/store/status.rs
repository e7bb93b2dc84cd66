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
    /// Whether it counts for retention: it passed, and has not failed since.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.verified.is_some() && self.failed.is_none()
    }
}
