use super::LexError;

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
    /// A way back that could stop halfway.
    #[error("what takes a migration back runs in a transaction: leave out nexo:no-transaction")]
    BackWithoutTransaction,
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
    /// A statement that no transaction takes.
    #[error(
        "line {line}: the server takes this statement outside of a transaction only: say `-- nexo:no-transaction` on a line of its own"
    )]
    NeedsNoTransaction {
        /// Where.
        line: usize,
    },
    /// An index that could not be found again.
    #[error("line {line}: give the index a name, by which a build that broke off is found")]
    Nameless {
        /// Where.
        line: usize,
    },
    /// A backfill that is not limited to its batch.
    #[error(
        "nexo:backfill stands before one `update … where account_id = $1 and id = any($2) and …`, in a file that runs in a transaction"
    )]
    Backfill,
    /// A statement that only the runner may send.
    #[error("line {line}: a migration must not say `{words}`: {reason}")]
    Forbidden {
        /// Where.
        line: usize,
        /// What.
        words: String,
        /// Why.
        reason: &'static str,
    },
}
