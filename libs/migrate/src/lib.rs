//! Migrations: a linear history of SQL files, each applied once, by one process at a time.
//!
//! A file is `YYYYMMDD_HHMM_name.sql`. Its statements are sent one by one on a dedicated connection, in one
//! transaction with its row in `ops.migration_history`, so that it is applied atomically. Files with `--
//! nexo:no-transaction` (for `create index concurrently`) get their row before they start, and resume at the
//! interrupted statement. `docs/migrations.md` is the operator's guide.

mod backfill;
mod baseline;
mod catalogue;
mod data_loss;
mod dry_run;
mod error;
mod examine;
mod file;
mod history;
mod isolation;
mod locale;
mod missing;
mod pooler;
mod resolve;
mod rollback;
mod run;
mod status;
mod wait;

pub use backfill::{BackfillLimits, BackfillResult, Progress, backfill};
pub use baseline::baseline;
pub use catalogue::{CatalogObject, Difference, Drift, compare, diff, fingerprint, objects};
pub use data_loss::{DataLoss, losses};
pub use dry_run::{DryRun, Lock, LockTrace, ScratchDatabase, StatementEffect, TableSize, dry_run};
pub use error::{AppliedPart, Error};
pub use examine::{Examination, examine};
pub use file::{
    Allow, Backfill, Directives, FileError, LexError, Migration, Migrations, Release, Script, Statement,
    Version, down_template, duration, split, template,
};
pub use isolation::{Breach, breaches, verify_isolation};
pub use locale::{DatabaseLocale, LocaleProblem, locale_problem};
pub use missing::MissingMigration;
pub use pooler::{is_of_pooler, refuse_pooler};
pub use resolve::{ResolvedBy, UnresolvedMigration, Verdict, resolve, standing};
pub use rollback::rollback;
pub use run::lock::{BACKUP_LOCK, LockHolder, MIGRATION_LOCK, holder as lock_holder};
pub use run::{
    Event, HookError, Hooks, Listener, NewBreaches, NoHooks, RunOptions, RunSummary, TakenBackup, migrate,
};
pub use status::{MigrationStatus, OperatorDecision, State, Status, status};
pub use wait::wait;
