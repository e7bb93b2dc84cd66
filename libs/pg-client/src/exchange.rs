//! Bytes to and from the server: writes a request, and reads until the answer is complete.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio_util::io::poll_read_buf;

use crate::{Error, messages, stream::Stream};

/// Maximum size of an answer. A larger one would be held in memory whole.
const MAX_ANSWER_BYTES: usize = 512 << 20;
/// Free space in the buffer for each read.
const READ_BYTES: usize = 16 << 10;
/// Capacity above which a buffer is not kept for the next batch.
const MAX_KEPT_BYTES: usize = 256 << 10;

/// Buffers of a connection.
#[derive(Debug)]
pub(crate) struct Exchange {
    stream: Stream,
    pub(crate) out: BytesMut,
    input: BytesMut,
    /// Bytes of `input` that are complete messages of the present answer.
    scanned: usize,
    /// Whether a request was started whose answer is not yet complete.
    busy: bool,
}

impl Exchange {
    pub(crate) fn new(stream: Stream, input: BytesMut) -> Self {
        Self { stream, out: BytesMut::new(), input, scanned: 0, busy: false }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(crate) fn is_quiet(&self) -> bool {
        !self.busy && self.input.is_empty() && self.stream.is_quiet()
    }

    /// Writes `out` and reads up to `ReadyForQuery`. Reads while it writes: a server whose answer is not taken stops
    /// reading, so that a large batch would otherwise never end.
    pub(crate) async fn request(&mut self) -> Result<Bytes, Error> {
        if self.busy {
            return Err(Error::Protocol("the answer to an earlier batch was not read"));
        }
        self.busy = true;
        self.scanned = 0;
        poll_fn(|cx| self.poll_request(cx)).await?;
        let answer = self.input.split_to(self.scanned).freeze();
        self.busy = false;
        if self.out.capacity() > MAX_KEPT_BYTES {
            self.out = BytesMut::new();
        }
        Ok(answer)
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_write(cx)?;
        loop {
            if self.scan()? {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(self.closed()));
            }
        }
    }

    /// Writes as much as the stream takes now.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(written)) => self.out.advance(written),
                // The server may have said why it has closed the stream.
                Poll::Ready(Err(_)) => self.out.clear(),
                Poll::Pending => return Ok(()),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(READ_BYTES);
        poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input)
    }

    /// Advances over complete messages; `true` after `ReadyForQuery`.
    fn scan(&mut self) -> Result<bool, Error> {
        while let Some((tag, size)) = messages::head(self.input.get(self.scanned..).unwrap_or_default())? {
            if size > MAX_ANSWER_BYTES || self.scanned > MAX_ANSWER_BYTES {
                return Err(Error::Protocol("the answer is too large"));
            }
            if self.scanned + size > self.input.len() {
                return Ok(false);
            }
            self.scanned += size;
            if tag == messages::READY_FOR_QUERY {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Error of a connection that the server has closed: what it said last, if it was an error.
    fn closed(&self) -> Error {
        let said = self.input.get(..self.scanned).unwrap_or_default();
        let last = messages::each(said)
            .filter_map(Result::ok)
            .find(|message| message.tag == messages::ERROR_RESPONSE);
        match last {
            Some(message) => Error::Server(Box::new(messages::server_error(message.body))),
            None => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
        }
    }
}
