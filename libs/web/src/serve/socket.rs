//! A client's stream with inspection: refuses bad heads, aborts clients that do not read their response, and
//! lingers after the last one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::{linger::Linger, refused::Refused, request_smuggling::RequestInspector};

/// Timeout for the client to accept [`WRITE_PROGRESS_BYTES`] of its response.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);
const WRITE_PROGRESS_BYTES: usize = 64 * 1024;

/// Placeholder for a refused request: hyper parses it and asks for its response.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused.invalid\r\n\r\n";

/// First refused request of a connection: its number, from 0, and the reason. No request follows it.
pub(super) type Refusal = Arc<OnceLock<(u64, Refused)>>;

pub(super) struct InspectedStream {
    socket: TcpStream,
    heads: RequestInspector,
    refusal: Refusal,
    /// Bytes of an incomplete head.
    held: Vec<u8>,
    /// Inspected bytes to read before the socket.
    ready: Vec<u8>,
    /// Timer that runs while a response waits for the client.
    stall: Option<Pin<Box<Sleep>>>,
    taken: usize,
    linger: Option<Linger>,
}

impl InspectedStream {
    pub(super) fn new(socket: TcpStream, refusal: Refusal) -> Self {
        Self {
            socket,
            heads: RequestInspector::default(),
            refusal,
            held: Vec::new(),
            ready: Vec::new(),
            stall: None,
            taken: 0,
            linger: None,
        }
    }

    /// Removes bytes from the reader's buffer that must not be passed on, or not yet.
    fn judge(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let new = buffer.filled().get(before..).unwrap_or_default();
        let refused = if self.held.is_empty() {
            let pass = self.heads.pass(new);
            self.held.extend_from_slice(new.get(pass.bytes..).unwrap_or_default());
            buffer.set_filled(before + pass.bytes);
            pass.refused
        } else {
            self.held.extend_from_slice(new);
            buffer.set_filled(before);
            let pass = self.heads.pass(&self.held);
            self.ready.extend(self.held.drain(..pass.bytes));
            pass.refused
        };
        if let Some(refused) = refused {
            self.held = Vec::new();
            self.ready.extend_from_slice(STAND_IN);
            let _ = self.refusal.set(refused); // set once: the first refusal ends the connection
        }
    }

    fn bounded(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken += bytes;
                if self.taken >= WRITE_PROGRESS_BYTES {
                    self.moves();
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL_TIMEOUT)));
                if stall.as_mut().poll(cx).is_ready() {
                    let slow = "the client takes its answer too slowly";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, slow)));
                }
            }
        }
        written
    }

    fn moves(&mut self) {
        (self.stall, self.taken) = (None, 0);
    }
}

impl AsyncRead for InspectedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                let room = self.ready.len().min(buffer.remaining());
                buffer.put_slice(self.ready.get(..room).unwrap_or_default());
                self.ready.drain(..room);
                return Poll::Ready(Ok(()));
            }
            if self.refusal.get().is_some() {
                return Poll::Pending; // its response ends the connection
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            self.judge(buffer, before);
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for InspectedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Called when all pending output was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.moves();
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Shuts down with a lingering close. Closing a socket with unread input resets the connection, so that the
    /// client may lose the response (RFC 9112, 9.6). So remaining input is read for a while.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            if !self.heads.is_within() {
                return Poll::Ready(Ok(()));
            }
        }
        let Self { socket, linger, .. } = &mut *self;
        linger.get_or_insert_with(Linger::begin).poll(socket, cx).map(Ok)
    }
}
