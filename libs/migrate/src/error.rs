use std::fmt;

use crate::{Holder, HookError, LexError, Version};

/// Why migrations cannot be applied, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be one of ours.
    #[error("migrations/{file}: {problem}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        problem: FileError,
    },
    /// The folder.
    #[error("the folder of migrations cannot be read")]
    Folder(#[source] std::io::Error),
    /// A file that was applied and then edited.
    #[error(
        "migrations/{file} was edited after it had been applied (it was {applied}, it is {present}).\n\
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
    /// The database has a migration that we have not.
    #[error(
        "the database has migration {version} ({name}), which this program does not know: it is of a newer release.\n\
         Run that release, or restore a backup from before it"
    )]
    Missing {
        /// Its version.
        version: Version,
        /// Its name.
        name: String,
    },
    /// A file older than what was applied.
    #[error(
        "migrations/{file} is older than {newest}, which is applied already: another database would get them in another order.\n\
         Give the file a later date"
    )]
    OutOfOrder {
        /// Its name.
        file: String,
        /// The newest that is applied.
        newest: Version,
    },
    /// A file without transaction that broke off.
    #[error(
        "migrations/{file} broke off at statement {statement}{reason}.\n\
         It ran without a transaction, so what it did before is there: finish or undo it by hand, then set its state in ops.migration_history"
    )]
    Unfinished {
        /// Its name.
        file: String,
        /// The statement that was reached, from 1.
        statement: i32,
        /// What the server said, if it could.
        reason: Reason,
    },
    /// A statement was refused.
    #[error(
        "migrations/{file}, line {line} (statement {statement}): {source}\nNothing of this file is kept unless it runs without a transaction"
    )]
    Statement {
        /// The file's name.
        file: String,
        /// Where the statement begins.
        line: usize,
        /// Which it is, from 1.
        statement: usize,
        /// What the server said.
        source: sqlx::Error,
    },
    /// A question of a verify block was not answered by true.
    #[error(
        "migrations/{file}, line {line}: this was to be true and is not: {question}\nThe file was rolled back"
    )]
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
    /// The hook before or after said no.
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
    /// The connection, or a statement of our own.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
}

/// What the server had said, where that is known.
#[derive(Debug, Default)]
pub struct Reason(pub Option<String>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|reason| write!(f, " ({reason})"))
    }
}

/// Why a file cannot be a migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Misnamed.
    #[error("its name is not YYYYMMDD_HHMM_name.sql, with a real date and a name of a-z, 0-9 and _")]
    Name,
    /// Two of one version.
    #[error("{0} has the same version; give one of them another minute")]
    Duplicate(String),
    /// A way back without its way there.
    #[error("there is no migration that it takes back")]
    Alone,
    /// Not text.
    #[error("it is not UTF-8; save it as UTF-8")]
    NotUtf8,
    /// Nothing in it.
    #[error("it has no statement; delete it or write one")]
    Empty,
    /// Not SQL.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// A directive.
    #[error("{0}")]
    Directive(String),
    /// A statement that only the runner may send.
    #[error("line {line}: a migration must not say `{words}`: {because}")]
    Forbidden {
        /// Where.
        line: usize,
        /// What.
        words: String,
        /// Why.
        because: &'static str,
    },
}
