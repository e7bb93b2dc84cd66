use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{Column, Error, Row, ServerError, messages};

/// Answer to a batch.
#[derive(Debug)]
pub struct Answers {
    pub(crate) bytes: Bytes,
    pub(crate) replies: Vec<Reply>,
    pub(crate) error: Option<Box<ServerError>>,
    pub(crate) status: TransactionStatus,
}

/// Answer to one statement of a batch.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) columns: Arc<[Column]>,
    /// Where its messages are.
    pub(crate) range: Range<usize>,
    pub(crate) rows: usize,
    /// Tag of the command, such as `INSERT 0 1`.
    pub(crate) command: String,
}

/// Status of the transaction after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// No transaction is open.
    Idle,
    /// A transaction is open.
    Open,
    /// A transaction is open and has failed: it can only be rolled back.
    Failed,
}

impl Answers {
    /// Error of the first statement that failed; the statements after it were skipped.
    #[must_use]
    pub fn error(&self) -> Option<&ServerError> {
        self.error.as_deref()
    }

    /// Number of statements that succeeded. With an error it is the position of the statement that failed.
    #[must_use]
    pub fn succeeded(&self) -> usize {
        self.replies.len()
    }

    /// Status of the transaction.
    #[must_use]
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// Fails with the error of the first statement that failed.
    pub fn into_result(mut self) -> Result<Self, Error> {
        match self.error.take() {
            Some(error) => Err(Error::Server(error)),
            None => Ok(self),
        }
    }

    /// Tag of the command at this position of the batch, such as `INSERT 0 1`; empty if it was skipped.
    #[must_use]
    pub fn command(&self, at: usize) -> &str {
        self.replies.get(at).map_or("", |reply| &reply.command)
    }

    /// Number of rows that the statement at this position has affected or returned.
    #[must_use]
    pub fn affected(&self, at: usize) -> u64 {
        self.command(at).rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// Rows of the statement at this position.
    #[must_use]
    pub fn rows(&self, at: usize) -> Rows<'_> {
        match self.replies.get(at) {
            Some(reply) => {
                let bytes = self.bytes.get(reply.range.clone()).unwrap_or_default();
                let columns = Arc::clone(&reply.columns);
                Rows { columns, answer: &self.bytes, bytes, left: reply.rows, values: Vec::new() }
            }
            None => {
                Rows { columns: Arc::new([]), answer: &self.bytes, bytes: &[], left: 0, values: Vec::new() }
            }
        }
    }
}

/// Reader of the rows of a statement.
#[derive(Debug)]
pub struct Rows<'a> {
    columns: Arc<[Column]>,
    answer: &'a Bytes,
    bytes: &'a [u8],
    left: usize,
    /// Places of the values in the present row.
    values: Vec<Option<Range<usize>>>,
}

impl Rows<'_> {
    /// Returns the next row. A row borrows its reader, which thus allocates once for all.
    #[expect(clippy::should_implement_trait, reason = "a lending iterator")]
    pub fn next(&mut self) -> Option<Row<'_>> {
        loop {
            let (tag, size) = messages::head(self.bytes).ok().flatten()?;
            let (message, rest) = self.bytes.split_at_checked(size)?;
            self.bytes = rest;
            if tag != messages::DATA_ROW {
                continue;
            }
            let body = message.get(5..).unwrap_or_default();
            self.left = self.left.saturating_sub(1);
            self.values.clear();
            self.values.reserve(self.columns.len());
            messages::values(body, &mut self.values).ok()?;
            return Some(Row { columns: &self.columns, answer: self.answer, body, values: &self.values });
        }
    }

    /// Number of rows that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }
}
