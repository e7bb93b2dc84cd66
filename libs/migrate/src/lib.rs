//! Migrations: a linear history of SQL files, each applied once, by one process at a time.
//!
//! A file is `YYYYMMDD_HHMM_name.sql`. Its statements are sent one by one on a dedicated connection, in one
//! transaction with its row in `ops.migration_history`, so that it is applied atomically. Files with
//! `-- nexo:no-transaction` (for `create index concurrently`) get their row before they start, and resume at the
//! interrupted statement. `docs/migrations.md` is the operator's guide.
//!
//! * [`Migrations`] are the files, embedded in the program or read from a folder.
//! * [`migrate()`] applies pending ones; [`rollback()`] reverts them by their down files.
//! * [`status()`] compares the files with the history of a database.
//!
//! ```
//! use migrate::{Migrations, NoHooks, RunOptions};
//! use sqlx::postgres::PgConnectOptions;
//!
//! async fn update(database: &PgConnectOptions) -> Result<(), migrate::Error> {
//!     let migrations = Migrations::embedded()?;
//!     let run = migrate::migrate(database, &migrations, &NoHooks, &RunOptions::default()).await?;
//!     println!("{} migrations applied", run.applied.len());
//!     Ok(())
//! }
//! ```

mod advisory_locks;
mod backfill;
mod baseline;
mod catalogue;
mod data_loss;
mod drift;
mod dry_run;
mod error;
mod examine;
mod file;
mod history;
mod hooks;
mod isolation;
mod locale;
mod migrations;
mod pooler;
mod resolve;
mod rollback;
mod run;
mod session;
mod status;
mod wait;

pub use advisory_locks::{BACKUP_LOCK, LockHolder, MIGRATION_LOCK, holder as lock_holder};
pub use backfill::{BackfillLimits, BackfillResult, backfill};
pub use baseline::baseline;
pub use catalogue::{CatalogObject, Difference, compare, fingerprint};
pub use data_loss::{DataLoss, losses};
pub use drift::{Drift, diff, objects};
pub use dry_run::{DryRun, Lock, LockTrace, ScratchDatabase, StatementEffect, TableSize, dry_run};
pub use error::{
    AppliedPart, BackfillError, Error, FailedStatement, HistoryError, MissingMigration, NewBreaches,
};
pub use examine::{Examination, examine};
pub use file::{
    Allow, Backfill, Directives, FileError, LexError, Migration, Release, Script, Statement, Version,
    down_template, duration, split, template,
};
pub use history::Progress;
pub use hooks::{HookError, Hooks, NoHooks, TakenBackup};
pub use isolation::{Breach, breaches, open_with_qualified_names, verify_isolation};
pub use locale::{DatabaseLocale, LocaleProblem, locale_problem};
pub use migrations::Migrations;
pub use pooler::{is_of_pooler, refuse_pooler};
pub use resolve::{ResolvedBy, UnresolvedMigration, Verdict, resolve, standing};
pub use rollback::rollback;
pub use run::{Event, Listener, RunOptions, RunSummary, migrate};
pub use status::{MigrationStatus, OperatorDecision, State, Status, status};
pub use wait::wait;
