use super::LexError;

/// Reason why a file is not a valid migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The name does not match the required form.
    #[error("its name is not YYYYMMDD_HHMM_name.sql, with a real date and a name of a-z, 0-9 and _")]
    Name,
    /// Another file has the same version.
    #[error("{0} has the same version; give one of them another minute")]
    Duplicate(String),
    /// A down file has no migration.
    #[error("there is no migration that it takes back")]
    Alone,
    /// A down file has `nexo:no-transaction` and could stop halfway.
    #[error("what takes a migration back runs in a transaction: leave out nexo:no-transaction")]
    BackWithoutTransaction,
    /// The file is not valid UTF-8.
    #[error("it is not UTF-8; save it as UTF-8")]
    NotUtf8,
    /// The file has no statement.
    #[error("it has no statement; delete it or write one")]
    Empty,
    /// The text is not valid SQL.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// A directive is unknown or invalid.
    #[error("{0}")]
    Directive(String),
    /// A statement cannot run in a transaction.
    #[error(
        "line {line}: the server takes this statement outside of a transaction only: say `-- nexo:no-transaction` on a line of its own"
    )]
    NeedsNoTransaction {
        /// Line of the statement, from 1.
        line: usize,
    },
    /// A concurrently built index has no name, so that a failed build could not be found.
    #[error("line {line}: give the index a name, by which a build that broke off is found")]
    Nameless {
        /// Line of the statement, from 1.
        line: usize,
    },
    /// A backfill statement is not limited to its batch.
    #[error(
        "nexo:backfill stands before one `update … where account_id = $1 and id = any($2) and …`, in a file that runs in a transaction"
    )]
    Backfill,
    /// A statement is reserved for the runner.
    #[error("line {line}: a migration must not say `{words}`: {reason}")]
    Forbidden {
        /// Line of the statement, from 1.
        line: usize,
        /// First words of the statement.
        words: String,
        /// Reason why it is reserved.
        reason: &'static str,
    },
}
