use std::{fmt, io, path::PathBuf};

use crate::{
    Breach, FileError, HookError, LocaleProblem, LockHolder, MissingMigration, NewBreaches, Version,
    catalogue::Difference, run::session::is_cut,
};

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
    /// A file was edited after it was applied.
    #[error(
        "{file} was edited after it had been applied (it was {applied}, it is {present}).\n\
         Put the file back as it was, and make the change in a new migration"
    )]
    Edited {
        /// Name of the migration file.
        file: String,
        /// Checksum that the history has.
        applied: String,
        /// Checksum of the present file.
        present: String,
    },
    /// A file was edited after it was partially applied.
    #[error(
        "{file} was edited after its first {done} statements had been done.\n\
         Put it back as it was and migrate again; or undo those statements by hand, then run \
         `nexo db resolve {version} --rolled-back --reason …` and migrate"
    )]
    EditedMidway {
        /// Name of the migration file.
        file: String,
        /// Number of statements already applied.
        done: usize,
        /// Version of the migration.
        version: Version,
    },
    /// The database has a migration that this program lacks.
    #[error("{0}")]
    Missing(MissingMigration),
    /// A file was renamed after it was applied.
    #[error(
        "{present} was applied as {applied}, and a file keeps its name once it is applied: name it {applied} again"
    )]
    Renamed {
        /// Name of the file when it was applied.
        applied: String,
        /// Current name of the file.
        present: String,
    },
    /// A file or statement would break tenant isolation.
    #[error("{0}")]
    Breaks(NewBreaches),
    /// A newly created database does not isolate accounts.
    #[error("all migrations are applied, and the database does not keep accounts apart:{}", lines(.0))]
    Unsound(Vec<Breach>),
    /// A pending file is older than an applied one.
    #[error(
        "{file} is older than {newest}, which is applied already: another database would get them in another order.\n\
         Give the file a later date"
    )]
    OutOfOrder {
        /// Name of the migration file.
        file: String,
        /// Version of the newest applied migration.
        newest: Version,
    },
    /// A file without transaction was interrupted at a statement whose effect is unknown.
    #[error(
        "{file} broke off at statement {statement}{reason}, which may have been done in part.\n\
         Look what it did. Then finish it by hand and run `nexo db resolve {version} --applied --reason …`,\n\
         or undo it by hand and run `nexo db resolve {version} --rolled-back --reason …`"
    )]
    Unfinished {
        /// Name of the migration file.
        file: String,
        /// Statement that was reached, from 1.
        statement: i32,
        /// Error message of the server, if known.
        reason: ServerMessage,
        /// Version of the migration.
        version: Version,
    },
    /// Rows of the history were modified.
    #[error(
        "ops.migration_history was changed by hand: {0}.\n\
         See with `nexo db diff` what the schema really is, then run \
         `nexo db resolve VERSION --applied --reason …` (or --rolled-back) for that row"
    )]
    Tampered(String),
    /// A statement of a migration failed.
    #[error("{file}, line {line} (statement {statement}): {}{}{}", said(.refusal), by(.blocker.as_deref()), .stays)]
    Statement {
        /// Name of the migration file.
        file: String,
        /// Line at which the statement begins.
        line: usize,
        /// Number of the statement, from 1.
        statement: usize,
        /// Error that the server returned.
        refusal: sqlx::Error,
        /// Holder of a blocking lock, if known.
        blocker: Option<Box<LockHolder>>,
        /// Part of the file that remains applied.
        stays: AppliedPart,
    },
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
    /// The encoding or locale of the database is not supported.
    #[error(transparent)]
    Locale(Box<LocaleProblem>),
    /// The file requires a backfill that is not complete.
    #[error(
        "{file} needs the backfill of {version}, which has not ended: run `nexo db backfill`, then migrate again"
    )]
    NeedsBackfill {
        /// Name of the file that requires it.
        file: String,
        /// Version of the migration that defines it.
        version: Version,
    },
    /// A backfill changed rows outside of its batch.
    #[error(
        "the backfill of {version} changed {changed} rows in a batch of {batch}: its statement must be limited to `account_id = $1 and id = any($2)`. The batch was rolled back"
    )]
    TooMuch {
        /// Version of the migration that defines it.
        version: Version,
        /// Number of rows that it changed.
        changed: u64,
        /// Number of rows in the batch.
        batch: usize,
    },
    /// A backfill finds rows to change in every pass.
    #[error(
        "the backfill of {0} still finds rows to change after many passes: are they written by a release that does not fill them, or does its statement change rows that are right already?"
    )]
    Endless(Version),
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
    /// The migration needs no decision by an operator.
    #[error("there is nothing to resolve: {0}")]
    Settled(String),
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
            Self::Statement { stays, .. } | Self::Breaks(NewBreaches { stays, .. }) => {
                !matches!(stays, AppliedPart::Nothing | AppliedPart::Before(0))
            }
            _ => false,
        }
    }

    /// Whether the connection was lost: uncommitted work is rolled back, and a retry is safe.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Sql(refusal) | Self::Statement { refusal, .. } => is_cut(refusal),
            _ => false,
        }
    }

    /// SQLSTATE of the error.
    pub(crate) fn code(&self) -> Option<String> {
        let (Self::Sql(refusal) | Self::Statement { refusal, .. }) = self else { return None };
        refusal.as_database_error()?.code().map(std::borrow::Cow::into_owned)
    }

    /// Message for the history, which service roles may read; it contains no row data.
    pub(crate) fn for_history(&self) -> String {
        match self {
            Self::Duplicates { failed, .. } => failed.for_history(),
            Self::Breaks(broken) => {
                let breaches: Vec<_> = broken.breaches.iter().map(ToString::to_string).collect();
                format!("accounts would not be kept apart any more: {}", breaches.join("; "))
            }
            Self::Statement { line, refusal, .. } => format!("line {line}: {}", said(refusal)),
            other => other.to_string(),
        }
    }
}

/// Message and SQLSTATE of the server. Omits the detail, which may contain row data.
fn said(source: &sqlx::Error) -> String {
    let Some(refusal) = source.as_database_error() else { return source.to_string() };
    let code = refusal.code().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}{code}", refusal.message())
}

fn by(blocker: Option<&LockHolder>) -> String {
    blocker.map(|holder| format!("\nIn its way: {holder}")).unwrap_or_default()
}

/// Part of a file that remains applied after a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliedPart {
    /// Nothing: the file was rolled back.
    Nothing,
    /// This number of statements before the failed one.
    Before(usize),
    /// This number of statements before it, and perhaps a part of it.
    PerhapsMore(usize),
}

impl fmt::Display for AppliedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "\nNothing of this file is kept"),
            Self::Before(0) => write!(f, "\nNothing of this file was done yet"),
            Self::Before(done) => {
                write!(f, "\nThe {done} statements before it are done; migrating again goes on with this one")
            }
            Self::PerhapsMore(done) => write!(
                f,
                "\nIt may have been done in part; the {done} statements before it are done. Look what it did, finish or \
                 undo it by hand, then say so with `nexo db resolve`"
            ),
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

/// Error message of the server, if known.
#[derive(Debug, Default)]
pub struct ServerMessage(pub Option<String>);

impl fmt::Display for ServerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|reason| write!(f, " ({reason})"))
    }
}
