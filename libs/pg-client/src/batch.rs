use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};

use postgres_protocol::message::frontend;

use crate::{
    Answers, Column, Connection, Error, Oid, TransactionStatus,
    answers::Reply,
    connection::{self, Prepared, Source},
    messages,
};

/// A statement with its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    text: &'a str,
    types: &'a [Oid],
    values: &'a [u8],
    is_kept: bool,
}

impl<'a> Statement<'a> {
    /// A statement without parameters.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, types: &[], values: &[], is_kept: true }
    }

    /// Sets the parameters: their types (0 lets the server infer one), and their values as in a Bind message, each a
    /// length (`i32`, -1 for null) and the value in its type's binary format.
    #[must_use]
    pub const fn with(self, types: &'a [Oid], values: &'a [u8]) -> Self {
        Self { types, values, ..self }
    }

    /// Does not keep the prepared statement: its text is unlikely to recur.
    #[must_use]
    pub const fn once(self) -> Self {
        Self { is_kept: false, ..self }
    }
}

/// Statements that are sent together; see the [crate].
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch<'c> {
    connection: &'c mut Connection,
    steps: Vec<Step>,
}

/// What is expected of the server for one statement.
#[derive(Debug)]
enum Step {
    /// The statement was prepared before.
    Known(Arc<[Column]>),
    /// The statement is prepared by this batch, under this name, to be kept for this text.
    Parsed(String, Option<Box<str>>),
}

impl Connection {
    /// Starts a batch. What was added to a batch that was dropped unsent is discarded.
    pub fn batch(&mut self) -> Batch<'_> {
        self.exchange.out.clear();
        Batch { connection: self, steps: Vec::with_capacity(4) }
    }

    /// Sends a single statement without parameters.
    pub async fn execute(&mut self, text: &str) -> Result<Answers, Error> {
        let mut batch = self.batch();
        batch.add(&Statement::new(text))?;
        batch.send().await?.into_result()
    }
}

impl Batch<'_> {
    /// Adds a statement.
    ///
    /// # Errors
    ///
    /// If the text or the values do not fit into a message, or the text contains a zero byte.
    pub fn add(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        let source = self.connection.source(statement.text, statement.is_kept);
        let out = &mut self.connection.exchange.out;
        let start = out.len();
        let (name, step) = match source {
            Source::Known(Prepared { name, columns }) => (name, Step::Known(columns)),
            Source::New(name) => {
                let text = statement.is_kept.then(|| statement.text.into());
                (name.clone(), Step::Parsed(name, text))
            }
        };
        if let Err(error) = write(out, statement, &name, matches!(step, Step::Parsed(..))) {
            out.truncate(start);
            return Err(Error::Io(error));
        }
        self.steps.push(step);
        Ok(())
    }

    /// Sends the statements and reads their answers. An error of a statement is part of the answers.
    ///
    /// # Errors
    ///
    /// If the connection is lost, which leaves the outcome of the batch unknown.
    pub async fn send(self) -> Result<Answers, Error> {
        self.connection.sync()?;
        let bytes = self.connection.exchange.request().await?;
        let mut reading = Reading { steps: self.steps.into_iter(), ..Reading::default() };
        let mut status = TransactionStatus::Idle;
        for message in messages::each(&bytes) {
            let message = message?;
            if message.tag == messages::READY_FOR_QUERY {
                status = transaction_status(message.body)?;
            } else {
                reading.take(self.connection, &message)?;
            }
        }
        let Reading { replies, error, .. } = reading;
        Ok(Answers { bytes, replies, error, status })
    }
}

fn transaction_status(body: &[u8]) -> Result<TransactionStatus, Error> {
    match body {
        b"I" => Ok(TransactionStatus::Idle),
        b"T" => Ok(TransactionStatus::Open),
        b"E" => Ok(TransactionStatus::Failed),
        _ => Err(Error::Protocol("an unknown transaction status")),
    }
}

/// State while the messages of an answer are read.
#[derive(Default)]
struct Reading {
    steps: std::vec::IntoIter<Step>,
    /// Columns of the statement that is being answered.
    columns: Option<Arc<[Column]>>,
    /// Statement that is being prepared.
    parsed: Option<(String, Option<Box<str>>)>,
    first: Option<usize>,
    rows: usize,
    replies: Vec<Reply>,
    error: Option<Box<crate::ServerError>>,
}

impl Reading {
    fn take(&mut self, connection: &mut Connection, message: &messages::Message<'_>) -> Result<(), Error> {
        match message.tag {
            messages::PARSE_COMPLETE => self.next_step()?,
            messages::ROW_DESCRIPTION => self.described(connection, messages::columns(message.body)?),
            messages::NO_DATA => self.described(connection, Vec::new()),
            messages::DATA_ROW => {
                self.next_step()?;
                self.first.get_or_insert(message.range.start.saturating_sub(5));
                self.rows += 1;
            }
            messages::COMMAND_COMPLETE => self.complete(message, messages::command(message.body)?)?,
            messages::EMPTY_QUERY => self.complete(message, "")?,
            messages::ERROR_RESPONSE if self.error.is_none() => {
                self.error = Some(Box::new(messages::server_error(message.body)));
            }
            messages::NOTICE_RESPONSE => connection::log(&messages::server_error(message.body)),
            _ => {} // BindComplete, ParameterDescription, CloseComplete, ParameterStatus
        }
        Ok(())
    }

    /// Moves on to the statement that the server answers now.
    fn next_step(&mut self) -> Result<(), Error> {
        if self.columns.is_some() || self.parsed.is_some() {
            return Ok(());
        }
        match self.steps.next() {
            Some(Step::Known(columns)) => self.columns = Some(columns),
            Some(Step::Parsed(name, text)) => self.parsed = Some((name, text)),
            None => return Err(Error::Protocol("an answer to a statement that was not sent")),
        }
        Ok(())
    }

    fn described(&mut self, connection: &mut Connection, columns: Vec<Column>) {
        let columns: Arc<[Column]> = columns.into();
        if let Some((name, Some(text))) = self.parsed.take() {
            connection.keep(text, Prepared { name, columns: Arc::clone(&columns) });
        }
        self.columns = Some(columns);
    }

    fn complete(&mut self, message: &messages::Message<'_>, command: &str) -> Result<(), Error> {
        self.next_step()?;
        let end = message.range.end;
        let range = self.first.take().unwrap_or(end)..end;
        let columns = self.columns.take().unwrap_or_default();
        let rows = std::mem::take(&mut self.rows);
        self.replies.push(Reply { columns, range, rows, command: command.to_owned() });
        Ok(())
    }
}

/// Writes Parse and Describe, if the statement is new, and Bind and Execute.
fn write(out: &mut BytesMut, statement: &Statement<'_>, name: &str, is_new: bool) -> std::io::Result<()> {
    if is_new {
        frontend::parse(name, statement.text, statement.types.iter().copied(), out)?;
        frontend::describe(b'S', name, out)?;
    }
    bind(out, statement, name)?;
    frontend::execute("", 0, out)
}

/// Writes a Bind message whose values are encoded already. All values and results are in binary format.
fn bind(out: &mut BytesMut, statement: &Statement<'_>, name: &str) -> std::io::Result<()> {
    let too_large = || std::io::Error::other("the values do not fit into a message");
    let count = u16::try_from(statement.types.len()).map_err(|_| too_large())?;
    let size = 4 + 1 + name.len() + 1 + 2 + 2 + 2 + statement.values.len() + 2 + 2;
    out.reserve(size + 1);
    out.put_u8(b'B');
    out.put_i32(i32::try_from(size).map_err(|_| too_large())?);
    out.put_u8(0); // the unnamed portal
    out.put_slice(name.as_bytes());
    out.put_u8(0);
    out.put_slice(&[0, 1, 0, 1]); // one format for all values: binary
    out.put_u16(count);
    out.put_slice(statement.values);
    out.put_slice(&[0, 1, 0, 1]); // one format for all results: binary
    Ok(())
}
