//! Backups that count as verified only after they were restored and compared.
//!
//! A backup is a `pg_dump` of an exported snapshot: compressed, optionally encrypted, and hashed. A signed
//! manifest holds row count and content hash of every table in the same snapshot. Exit codes and tables of
//! contents prove nothing: truncated, bit-flipped and empty dumps pass them. `docs/operations/backups.md` is the
//! operator's guide.
//!
//! * [`Config::backup`] takes a backup, and returns its [`Manifest`].
//! * [`Config::verify`] verifies one: its hashes, its archive, or a restored database.
//! * [`Config::restore_beside`] restores one into a [`ShadowDatabase`], which can then replace the live one.
//!
//! ```
//! use backup::{BackupRequest, Config, Error, VerificationLevel};
//! use sqlx::postgres::PgConnectOptions;
//!
//! async fn proven(config: &Config, database: &PgConnectOptions) -> Result<(), Error> {
//!     let stored = config.backup(database, &BackupRequest::new("before-import", "ana")).await?;
//!     let verified = config.verify(&stored.manifest.name, VerificationLevel::Restored).await?;
//!     println!("{}: {} rows are equal", verified.name, verified.rows);
//!     Ok(())
//! }
//! ```

mod archive;
mod choose;
mod config;
mod copy;
mod create;
mod disk;
mod error;
mod hooks;
mod integrity;
mod libpq;
mod list;
mod manifest;
mod metrics;
mod name;
mod origin;
mod restore;
mod retention;
mod retention_setting;
mod schedule;
mod signed;
mod since;
mod source;
mod store;
mod tables;
pub mod tenant;
mod unchanged;
mod verify;
mod watch;

pub use choose::{ChosenBackup, LATEST};
pub use config::Config;
pub use copy::CopyTarget;
pub use create::{BackupRequest, StoredBackup};
pub use error::Error;
pub use hooks::{around, on_boot};
pub use libpq::client;
pub use list::{BackupState, ListedBackup};
pub use manifest::{Archive, Extension, Manifest, Provenance, Table};
pub use name::{InvalidName, Name};
pub use origin::Origin;
pub use restore::{Exclusive, KeptDatabase, Kind, LOCK_TIMEOUT, ShadowDatabase, SwapResult};
pub use retention::{Decision, RetentionDecision};
pub use retention_setting::Retention;
pub use schedule::{Job, Plan, due};
pub use store::{DrillResult, Status, VerificationFailed, VerificationLevel, VerificationPassed};
pub use verify::VerificationResult;
pub use watch::{ProgressListener, Stage};
