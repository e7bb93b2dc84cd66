//! Lingering close: reads what a client still sends after the last response of its connection.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// Maximum silence of a client: by then it has read the response, or never will.
const QUIET: Duration = Duration::from_secs(2);
/// Maximum total duration of the lingering close.
const WHOLE: Duration = Duration::from_secs(10);

/// Reads and discards input until the client closes or a timeout expires.
pub(super) struct Linger {
    end: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Linger {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { end: now + WHOLE, timer: Box::pin(sleep_until(now + QUIET)) }
    }

    pub(super) fn poll(&mut self, socket: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *socket).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let now = Instant::now();
                    if now >= self.end {
                        return Poll::Ready(());
                    }
                    self.timer.as_mut().reset((now + QUIET).min(self.end));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.timer.as_mut().poll(cx),
            }
        }
    }
}
