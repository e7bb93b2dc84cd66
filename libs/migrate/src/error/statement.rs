use std::fmt;

use crate::LockHolder;

/// A statement of a migration that the server refused.
#[derive(Debug)]
pub struct FailedStatement {
    /// Name of the migration file.
    pub file: String,
    /// Line at which the statement begins.
    pub line: usize,
    /// Number of the statement, from 1.
    pub statement: usize,
    /// Error that the server returned.
    pub refusal: sqlx::Error,
    /// Holder of a blocking lock, if known.
    pub blocker: Option<Box<LockHolder>>,
    /// Part of the file that remains applied.
    pub stays: AppliedPart,
}

impl fmt::Display for FailedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, statement, refusal, blocker, stays } = self;
        write!(f, "{file}, line {line} (statement {statement}): {}", server_message(refusal))?;
        blocker.iter().try_for_each(|holder| write!(f, "\nIn its way: {holder}"))?;
        write!(f, "{stays}")
    }
}

impl FailedStatement {
    /// File, line and the server's message, without advice on what to do in this database.
    pub(crate) fn cause(&self) -> String {
        format!("{}, {}", self.file, self.for_history())
    }

    /// Message for the history; it contains no row data.
    pub(super) fn for_history(&self) -> String {
        format!("line {}: {}", self.line, server_message(&self.refusal))
    }
}

/// Message and SQLSTATE of the server. Omits the detail, which may contain row data.
fn server_message(source: &sqlx::Error) -> String {
    let Some(refusal) = source.as_database_error() else { return source.to_string() };
    let code = refusal.code().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}{code}", refusal.message())
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
