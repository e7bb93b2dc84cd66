use std::{fmt, io, path::PathBuf};

use crate::{
    Breach, Broken, FileError, Holder, HookError, LocaleProblem, Missing, Version, catalogue::Difference,
    run::session::is_cut,
};

/// Why migrations cannot be applied, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be one of ours.
    #[error("{file}: {problem}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        problem: FileError,
    },
    /// The folder, or a file in it.
    #[error("{} cannot be read: it is to be a folder of migrations", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No file has this version.
    #[error("there is no migration {0}: see `nexo db status`")]
    NoSuch(Version),
    /// A file that was applied and then edited.
    #[error(
        "{file} was edited after it had been applied (it was {applied}, it is {present}).\n\
         Put the file back as it was, and make the change in a new migration"
    )]
    Edited {
        /// Its name.
        file: String,
        /// The checksum in the history.
        applied: String,
        /// The checksum of the file.
        present: String,
    },
    /// A file that was edited after a part of it had been done.
    #[error(
        "{file} was edited after its first {done} statements had been done.\n\
         Put it back as it was and migrate again; or undo those statements by hand, then run \
         `nexo db resolve {version} --rolled-back --reason …` and migrate"
    )]
    EditedMidway {
        /// Its name.
        file: String,
        /// How many statements are done.
        done: usize,
        /// Its version.
        version: Version,
    },
    /// The database has a migration that we have not.
    #[error("{0}")]
    Missing(Missing),
    /// A file that was renamed after it had been applied.
    #[error(
        "{present} was applied as {applied}, and a file keeps its name once it is applied: name it {applied} again"
    )]
    Renamed {
        /// Its name when it was applied.
        applied: String,
        /// Its name now.
        present: String,
    },
    /// A file or a statement that would add breaches of isolation.
    #[error("{0}")]
    Breaks(Broken),
    /// A database that was made now, and does not keep accounts apart.
    #[error("all migrations are applied, and the database does not keep accounts apart:{}", lines(.0))]
    Unsound(Vec<Breach>),
    /// A file older than what was applied.
    #[error(
        "{file} is older than {newest}, which is applied already: another database would get them in another order.\n\
         Give the file a later date"
    )]
    OutOfOrder {
        /// Its name.
        file: String,
        /// The newest that is applied.
        newest: Version,
    },
    /// A file without transaction that broke off where nobody can tell what was done.
    #[error(
        "{file} broke off at statement {statement}{reason}, which may have been done in part.\n\
         Look what it did. Then finish it by hand and run `nexo db resolve {version} --applied --reason …`,\n\
         or undo it by hand and run `nexo db resolve {version} --rolled-back --reason …`"
    )]
    Unfinished {
        /// Its name.
        file: String,
        /// The statement that was reached, from 1.
        statement: i32,
        /// What the server said, if it could.
        reason: Reason,
        /// Its version.
        version: Version,
    },
    /// Rows of the history are not as they were written.
    #[error(
        "ops.migration_history was changed by hand: {0}.\n\
         See with `nexo db diff` what the schema really is, then run \
         `nexo db resolve VERSION --applied --reason …` (or --rolled-back) for that row"
    )]
    Tampered(String),
    /// A statement was refused.
    #[error("{file}, line {line} (statement {statement}): {}{}{}", said(.refusal), by(.blocker.as_deref()), .stays)]
    Statement {
        /// The file's name.
        file: String,
        /// Where the statement begins.
        line: usize,
        /// Which it is, from 1.
        statement: usize,
        /// What the server said.
        refusal: sqlx::Error,
        /// Who was in its way.
        blocker: Option<Box<Holder>>,
        /// What it leaves.
        stays: Stays,
    },
    /// A statement changed what is the runner's.
    #[error(
        "{file}, line {line}: this statement changed the {what} of the runner, which must stay its own.\nThe file was stopped there"
    )]
    Changed {
        /// The file's name.
        file: String,
        /// Where the statement begins.
        line: usize,
        /// What is not as it was.
        what: &'static str,
    },
    /// Rows that cannot all be in a unique index.
    #[error("{failed}\nRows that share one key, by their primary keys: {}.\nThe invalid index was dropped. Put the rows right, then migrate again", .rows.join("; "))]
    Duplicates {
        /// What the server said.
        failed: Box<Error>,
        /// A few groups of rows.
        rows: Vec<String>,
    },
    /// An index that somebody else builds.
    #[error("the index {0} is being built by another session: wait for it, or end it")]
    BeingBuilt(String),
    /// The server said yes, and yet the index cannot be used.
    #[error("the index {0} came out invalid, and was dropped: migrate again")]
    Invalid(String),
    /// A question of a verify block was not answered by true.
    #[error("{file}, line {line}: this was to be true and is not: {question}")]
    NotTrue {
        /// The file's name.
        file: String,
        /// Where the question stands.
        line: usize,
        /// The question.
        question: String,
    },
    /// Another process migrates, or a backup runs.
    #[error("another process holds the migration lock: {0}.\nWait for it, or end it if it is stuck")]
    Locked(Holder),
    /// What was to happen before or after failed, such as a backup.
    #[error("{stage}: {source}")]
    Hook {
        /// Which.
        stage: &'static str,
        /// What it said.
        source: HookError,
    },
    /// Nobody has brought the database to our version.
    #[error(
        "the database is not at version {wanted} yet ({present}).\nRun `nexo db migrate`, or start one service with MIGRATION_DATABASE_URL"
    )]
    NotReady {
        /// What this program needs.
        wanted: Version,
        /// What is there.
        present: String,
    },
    /// A standby takes no changes.
    #[error("this server is a read-only standby: migrate the primary")]
    Standby,
    /// Between us and the server stands a pooler that gives each transaction another session.
    #[error(
        "this address is that of a pooler (such as PgBouncer in transaction mode), which gives each transaction another \
         session, and so keeps no lock and no prepared statement: give the address of PostgreSQL itself, or of a pooler in \
         session mode for the services"
    )]
    Pooler,
    /// A database that NEXO cannot work in.
    #[error(transparent)]
    Locale(Box<LocaleProblem>),
    /// A later migration counts on a backfill that has not ended.
    #[error(
        "{file} needs the backfill of {version}, which has not ended: run `nexo db backfill`, then migrate again"
    )]
    NeedsBackfill {
        /// The file that needs it.
        file: String,
        /// The migration that defines it.
        version: Version,
    },
    /// A backfill changed more than its batch.
    #[error(
        "the backfill of {version} changed {changed} rows in a batch of {batch}: its statement must be limited to `account_id = $1 and id = any($2)`. The batch was rolled back"
    )]
    TooMuch {
        /// The migration that defines it.
        version: Version,
        /// Rows that it changed.
        changed: u64,
        /// Rows that it was given.
        batch: usize,
    },
    /// A backfill that finds rows in every pass.
    #[error(
        "the backfill of {0} still finds rows to change after many passes: are they written by a release that does not fill them, or does its statement change rows that are right already?"
    )]
    Endless(Version),
    /// A database that has a history already.
    #[error("this database has a history of migrations already, up to {0}: see `nexo db status`")]
    HasHistory(String),
    /// The catalogue is not what the migrations give.
    #[error("the database is not what the migrations up to {version} give:{}", lines(.differences))]
    Differs {
        /// Up to which.
        version: Version,
        /// Each difference.
        differences: Vec<Difference>,
    },
    /// Nothing that an operator has to decide.
    #[error("there is nothing to resolve: {0}")]
    Settled(String),
    /// A migration that cannot be taken back.
    #[error("{file} has no way back ({}){}. Nothing was done", .file.replace(".sql", ".down.sql"), instead(.backup.as_deref()))]
    NoWayBack {
        /// The file.
        file: String,
        /// The command that restores what was there before it.
        backup: Option<String>,
    },
    /// A down file that is not the opposite of its migration.
    #[error("{file}: {problem}:{}", lines(.differences))]
    NotReversed {
        /// The down file.
        file: String,
        /// When it differs.
        problem: &'static str,
        /// Each difference.
        differences: Vec<Difference>,
    },
    /// The connection, or a statement of our own.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
}

impl Error {
    /// Whether a file without transaction is done in part.
    #[must_use]
    pub fn leaves_part(&self) -> bool {
        match self {
            Self::Duplicates { failed, .. } => failed.leaves_part(),
            Self::Statement { stays, .. } | Self::Breaks(Broken { stays, .. }) => {
                !matches!(stays, Stays::Nothing | Stays::Before(0))
            }
            _ => false,
        }
    }

    /// The connection is gone: what was not committed is undone, and it may be tried again.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Sql(refusal) | Self::Statement { refusal, .. } => is_cut(refusal),
            _ => false,
        }
    }

    /// The server's SQLSTATE.
    pub(crate) fn code(&self) -> Option<String> {
        let (Self::Sql(refusal) | Self::Statement { refusal, .. }) = self else { return None };
        refusal.as_database_error()?.code().map(std::borrow::Cow::into_owned)
    }

    /// What the history keeps, which service roles may read: the message, without rows.
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

/// The server's message and SQLSTATE. Its detail is left out, which may hold what is in a row.
fn said(source: &sqlx::Error) -> String {
    let Some(refusal) = source.as_database_error() else { return source.to_string() };
    let code = refusal.code().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}{code}", refusal.message())
}

fn by(blocker: Option<&Holder>) -> String {
    blocker.map(|holder| format!("\nIn its way: {holder}")).unwrap_or_default()
}

/// What a file leaves whose statement was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// The file was rolled back.
    Nothing,
    /// So many statements before the refused one.
    Before(usize),
    /// So many statements before it, and perhaps a part of it.
    PerhapsMore(usize),
}

impl fmt::Display for Stays {
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

/// What the server had said, where that is known.
#[derive(Debug, Default)]
pub struct Reason(pub Option<String>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|reason| write!(f, " ({reason})"))
    }
}
