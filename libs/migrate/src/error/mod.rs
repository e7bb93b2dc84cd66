//! Errors of the runner, below all modules that return them.

mod backfill;
mod breaches;
mod history;
mod missing;
mod statement;

use std::{fmt, io, path::PathBuf};

pub use backfill::BackfillError;
pub use breaches::NewBreaches;
pub use history::HistoryError;
pub(crate) use history::ServerMessage;
pub use missing::MissingMigration;
pub use statement::{AppliedPart, FailedStatement};

use crate::{Breach, Difference, FileError, HookError, LocaleProblem, LockHolder, Version};

/// Error of the migration runner, with instructions for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not a valid migration.
    #[error("{file}: {problem}")]
    File {
        /// Name of the migration file.
        file: String,
        /// Description of the problem.
        problem: FileError,
    },
    /// The folder, or a file in it, cannot be read.
    #[error("{} cannot be read: it is to be a folder of migrations", .path.display())]
    Folder {
        /// Path of the folder or file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// No file has this version.
    #[error("there is no migration {0}: see `nexo db status`")]
    NoSuch(Version),
    /// The history contradicts the files, or was interrupted or modified.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A file or statement would break tenant isolation.
    #[error("{0}")]
    Breaks(NewBreaches),
    /// A newly created database does not isolate accounts.
    #[error("all migrations are applied, and the database does not keep accounts apart:{}", lines(.0))]
    Unsound(Vec<Breach>),
    /// A statement of a migration failed.
    #[error("{0}")]
    Statement(FailedStatement),
    /// A statement changed session state that belongs to the runner.
    #[error(
        "{file}, line {line}: this statement changed the {what} of the runner, which must stay its own.\nThe file was stopped there"
    )]
    Changed {
        /// Name of the migration file.
        file: String,
        /// Line at which the statement begins.
        line: usize,
        /// Name of the changed state.
        what: &'static str,
    },
    /// Duplicate rows violate a unique index.
    #[error("{failed}\nRows that share one key, by their primary keys: {}.\nThe invalid index was dropped. Put the rows right, then migrate again", .rows.join("; "))]
    Duplicates {
        /// Error of the failed statement.
        failed: Box<Error>,
        /// Some groups of duplicate rows.
        rows: Vec<String>,
    },
    /// Another session is building the index.
    #[error("the index {0} is being built by another session: wait for it, or end it")]
    BeingBuilt(String),
    /// The statement succeeded, but the index is invalid.
    #[error("the index {0} came out invalid, and was dropped: migrate again")]
    Invalid(String),
    /// A query of a verify block did not return true.
    #[error("{file}, line {line}: this was to be true and is not: {question}")]
    NotTrue {
        /// Name of the migration file.
        file: String,
        /// Line at which the query begins.
        line: usize,
        /// Text of the verification query.
        question: String,
    },
    /// Another process is migrating, or a backup is running.
    #[error("another process holds the migration lock: {0}.\nWait for it, or end it if it is stuck")]
    Locked(LockHolder),
    /// A hook before or after the migrations failed, such as a backup.
    #[error("{stage}: {source}")]
    Hook {
        /// Stage at which the hook failed.
        stage: &'static str,
        /// Error that the hook returned.
        source: HookError,
    },
    /// No process has migrated the database to this version.
    #[error(
        "the database is not at version {wanted} yet ({present}).\nRun `nexo db migrate`, or start one service with MIGRATION_DATABASE_URL"
    )]
    NotReady {
        /// Version that this program requires.
        wanted: Version,
        /// Description of the present state.
        present: String,
    },
    /// The server is a read-only standby.
    #[error("this server is a read-only standby: migrate the primary")]
    Standby,
    /// The address belongs to a pooler in transaction mode.
    #[error(
        "this address is that of a pooler (such as PgBouncer in transaction mode), which gives each transaction another \
         session, and so keeps no lock and no prepared statement: give the address of PostgreSQL itself, or of a pooler in \
         session mode for the services"
    )]
    Pooler,
    /// A pooler refuses the settings of the session.
    #[error(
        "this address is that of a pooler, which refuses the settings that this session needs: give the address of \
         PostgreSQL itself"
    )]
    PoolerSettings,
    /// The encoding or locale of the database is not supported.
    #[error(transparent)]
    Locale(Box<LocaleProblem>),
    /// A backfill is not complete, or cannot be completed.
    #[error(transparent)]
    Backfill(#[from] BackfillError),
    /// The database already has a history.
    #[error("this database has a history of migrations already, up to {0}: see `nexo db status`")]
    HasHistory(String),
    /// The catalogue differs from that of the migrations.
    #[error("the database is not what the migrations up to {version} give:{}", lines(.differences))]
    Differs {
        /// Version up to which migrations were compared.
        version: Version,
        /// Differences between the catalogues.
        differences: Vec<Difference>,
    },
    /// A file fails on an empty database too, so there is nothing to compare with.
    #[error(
        "what the applied migrations give cannot be told, because one fails on an empty database: {0}.\n\
         If it was noted as applied by hand: undo by hand what it did, run `nexo db resolve VERSION --rolled-back \
         --reason …`, put the file right, and migrate; or `nexo db rollback`, if it has a .down.sql"
    )]
    Incomparable(String),
    /// The migration needs no decision by an operator.
    #[error("there is nothing to resolve: {0}")]
    Settled(String),
    /// The file of a failed migration is gone, so it cannot have been completed.
    #[error(
        "{0} is not here, so it cannot be noted as applied: undo by hand what it did, then give --rolled-back; \
         or resolve it with the release that has it"
    )]
    Withdrawn(String),
    /// The migration has no down file.
    #[error("{file} has no way back ({}){}. Nothing was done", .file.replace(".sql", ".down.sql"), instead(.backup.as_deref()))]
    NoWayBack {
        /// Name of the migration file.
        file: String,
        /// Command that restores the backup from before it.
        backup: Option<String>,
    },
    /// A down file does not revert its migration.
    #[error("{file}: {problem}:{}", lines(.differences))]
    NotReversed {
        /// Name of the faulty down file.
        file: String,
        /// Description of when it differs.
        problem: &'static str,
        /// Differences between the catalogues.
        differences: Vec<Difference>,
    },
    /// The connection, or a statement of the runner itself, failed.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
}

impl Error {
    /// Whether a file without transaction remains partially applied.
    #[must_use]
    pub fn leaves_part(&self) -> bool {
        match self {
            Self::Duplicates { failed, .. } => failed.leaves_part(),
            Self::Statement(FailedStatement { stays, .. }) | Self::Breaks(NewBreaches { stays, .. }) => {
                !matches!(stays, AppliedPart::Nothing | AppliedPart::Before(0))
            }
            _ => false,
        }
    }

    /// Whether the connection was lost: uncommitted work is rolled back, and a retry is safe.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Sql(refusal) | Self::Statement(FailedStatement { refusal, .. }) => is_cut(refusal),
            _ => false,
        }
    }

    /// SQLSTATE of the error.
    pub(crate) fn code(&self) -> Option<String> {
        let (Self::Sql(refusal) | Self::Statement(FailedStatement { refusal, .. })) = self else {
            return None;
        };
        refusal.as_database_error()?.code().map(std::borrow::Cow::into_owned)
    }

    /// Message for the history, which service roles may read; it contains no row data.
    pub(crate) fn for_history(&self) -> String {
        match self {
            Self::Duplicates { failed, .. } => failed.for_history(),
            Self::Breaks(broken) => broken.for_history(),
            Self::Statement(failed) => failed.for_history(),
            other => other.to_string(),
        }
    }
}

fn lines<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(|one| format!("\n  {one}")).collect()
}

fn instead(backup: Option<&str>) -> String {
    match backup {
        Some(command) => format!(". A backup was taken before it: {command}"),
        None => ", and no backup was taken when it was applied: restore one from before it".to_owned(),
    }
}

/// Whether the error means a lost connection, as opposed to a failed statement.
fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        // PostgreSQL documentation, appendix A: connection exceptions, and a server that shuts down or starts.
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03" | "25P03" | "25P04")
        }),
        _ => false,
    }
}
