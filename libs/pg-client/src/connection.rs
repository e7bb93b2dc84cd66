use std::sync::Arc;

use bytes::BytesMut;
use hashlink::LruCache;
use postgres_protocol::message::frontend;

use crate::{Column, Error, ServerError, exchange::Exchange, stream::Stream};

/// Maximum number of prepared statements; the least recently used one is closed.
const MAX_STATEMENTS: usize = 500;

/// A connection to a server. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    pub(crate) exchange: Exchange,
    statements: LruCache<Box<str>, Prepared>,
    /// Number of statements that were prepared.
    named: u64,
    /// Statements to close with the next batch.
    closing: Vec<Prepared>,
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) name: String,
    pub(crate) columns: Arc<[Column]>,
}

/// Where a statement comes from.
pub(crate) enum Source {
    /// It was prepared before.
    Known(Prepared),
    /// It is to be prepared under this name.
    New(String),
}

impl Connection {
    pub(crate) fn new(stream: Stream, input: BytesMut) -> Self {
        let statements = LruCache::new(MAX_STATEMENTS);
        Self { exchange: Exchange::new(stream, input), statements, named: 0, closing: Vec::new() }
    }

    /// Whether the answer to a batch was not read to its end. Such a connection must be closed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.exchange.is_busy()
    }

    /// Whether the connection can take a batch: it is not busy, and the server has not closed it, as far as the runtime
    /// has noticed.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.exchange.is_quiet()
    }

    pub(crate) fn source(&mut self, text: &str, is_kept: bool) -> Source {
        if !is_kept {
            return Source::New(String::new()); // the unnamed statement, which the next one replaces
        }
        if let Some(prepared) = self.statements.get(text) {
            return Source::Known(prepared.clone());
        }
        self.named += 1;
        Source::New(format!("s{}", self.named))
    }

    /// Keeps a prepared statement, and closes one that is used less.
    pub(crate) fn keep(&mut self, text: Box<str>, prepared: Prepared) {
        let oldest =
            if self.statements.len() >= MAX_STATEMENTS { self.statements.remove_lru() } else { None };
        let replaced = self.statements.insert(text, prepared);
        self.closing.extend(oldest.map(|(_, gone)| gone).into_iter().chain(replaced));
    }

    /// Ends the batch in the buffer with a Sync, after closing statements.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        for gone in self.closing.drain(..) {
            frontend::close(b'S', &gone.name, &mut self.exchange.out)?;
        }
        frontend::sync(&mut self.exchange.out);
        Ok(())
    }
}

/// Logs a notice of the server.
pub(crate) fn log(notice: &ServerError) {
    if notice.severity == "WARNING" {
        tracing::warn!(code = notice.code, "PostgreSQL: {}", notice.message);
    } else {
        tracing::debug!(code = notice.code, "PostgreSQL: {}", notice.message);
    }
}
