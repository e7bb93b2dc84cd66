//! Early responses: a service that rejects an upload answers before it has read the whole body.
//!
//! It may then close its connection, so that further writes fail. hyper would give up without reading the
//! response. So after a failed write, further writes are discarded and the response is read; if there is none, the
//! read fails.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::Service;

use super::resolver::RoundRobinResolver;

type Connector = HttpConnector<RoundRobinResolver>;

/// Connector for such connections.
#[derive(Clone)]
pub(super) struct EarlyConnector(Connector);

impl EarlyConnector {
    pub(super) fn new(connector: Connector) -> Self {
        Self(connector)
    }
}

impl Service<Uri> for EarlyConnector {
    type Response = EarlyStream;
    type Error = <Connector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<EarlyStream, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move { Ok(EarlyStream { socket: connecting.await?, is_deaf: false }) })
    }
}

/// A stream that stays readable after writing has failed.
pub(super) struct EarlyStream {
    socket: TokioIo<TcpStream>,
    /// Whether the peer accepts no more data.
    is_deaf: bool,
}

impl EarlyStream {
    /// Writes `bytes`, or discards them after a failed write.
    fn write(
        &mut self,
        bytes: usize,
        write: impl FnOnce(Pin<&mut TokioIo<TcpStream>>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return Poll::Ready(Ok(bytes));
        }
        match write(Pin::new(&mut self.socket)) {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.is_deaf = true;
                Poll::Ready(Ok(bytes))
            }
            written => written,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

impl Read for EarlyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl Write for EarlyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(bytes.len(), |socket| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bytes.iter().map(|piece| piece.len()).sum();
        self.write(all, |socket| socket.poll_write_vectored(cx, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_deaf { Poll::Ready(Ok(())) } else { Pin::new(&mut self.socket).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_deaf { Poll::Ready(Ok(())) } else { Pin::new(&mut self.socket).poll_shutdown(cx) }
    }
}

impl Connection for EarlyStream {
    fn connected(&self) -> Connected {
        self.socket.connected()
    }
}
