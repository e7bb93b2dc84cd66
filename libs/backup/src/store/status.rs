use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Depth of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// The manifest's signature is valid, and the files have the length and SHA-256 that it states.
    Hashes,
    /// The archive can be decrypted and decompressed, and `pg_restore` reads it completely.
    Archive,
    /// The backup was restored, and every table, policy and grant is equal.
    Restored,
}

/// Status of a backup: what happened after it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Last successful verification.
    pub verified: Option<VerificationPassed>,
    /// Last failed verification, unless a successful one followed.
    pub failed: Option<VerificationFailed>,
    /// Reason for the pin; `None` if it is not pinned.
    pub pinned: Option<String>,
    /// Whether retention may remove it although it has a label chosen by a person.
    #[serde(default)]
    pub released: bool,
    /// Time at which a command last relied on it, because nothing had been written since.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub needed_at: Option<OffsetDateTime>,
    /// Result of the last recovery drill.
    pub drill: Option<DrillResult>,
}

/// A successful verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationPassed {
    /// Time of the verification.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Depth of the verification.
    pub level: VerificationLevel,
}

/// A failed verification of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationFailed {
    /// Time of the verification.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Description of the failure.
    pub why: String,
    /// Verification that must succeed before the backup counts again; `None` means the deepest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<VerificationLevel>,
}

/// A timed restore (recovery drill).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillResult {
    /// Time at which the drill ended (UTC).
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Recovery time (RTO), from the archive to a verified database, in milliseconds.
    pub recovery_ms: u64,
    /// Recovery point (RPO): age of the backup, in seconds.
    pub age_seconds: i64,
}

impl Status {
    /// Status to assume if the file is not authentic: failed, and pinned, because it may have been.
    pub(crate) fn lost(at: OffsetDateTime) -> Self {
        let pinned = Some("its status was lost: it may have been pinned".to_owned());
        let why = "its status.json is missing or was changed".to_owned();
        let failed = Some(VerificationFailed { at, why, level: Some(VerificationLevel::Hashes) });
        Self { failed, pinned, ..Self::default() }
    }
}
