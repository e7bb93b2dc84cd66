//! A client's socket, watched: for heads that can be read in two ways, and for clients that do not take their answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::heads::Heads;

/// How long a client may take for so much of its answer.
const STALL: Duration = Duration::from_secs(30);
const SO_MUCH: usize = 64 * 1024;

pub(super) struct Watched {
    socket: TcpStream,
    heads: Heads,
    is_doubtful: Arc<AtomicBool>,
    /// Runs while an answer waits for its client.
    stall: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, is_doubtful: Arc<AtomicBool>) -> Self {
        Self { socket, heads: Heads::default(), is_doubtful, stall: None, taken: 0 }
    }

    fn bounded(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken += bytes;
                if self.taken >= SO_MUCH {
                    self.moves();
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL)));
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

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if self.heads.watch(new).is_err() {
            self.is_doubtful.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Watched {
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

    /// Asked for when all that there was has been written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.moves();
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
