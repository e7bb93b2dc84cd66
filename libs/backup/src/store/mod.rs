//! Stores of backups: a local folder, and optional remote stores.

mod local;
mod remote;
mod status;

pub(crate) use local::{Local, PendingBackup};
pub(crate) use remote::Remote;
pub use status::{DrillResult, Status, VerificationFailed, VerificationLevel, VerificationPassed};

/// Archive with schema and data.
pub(crate) const ARCHIVE: &str = "archive";
/// Archive with the schema only, which a restore needs before and after the rows.
pub(crate) const SCHEMA: &str = "schema";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const CATALOGUE: &str = "catalogue.json";
pub(crate) const STATUS: &str = "status.json";
