//! What a client still sends when the last answer of its connection has gone.

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

/// How long a client may be silent: by then it has read its answer, or never will.
const QUIET: Duration = Duration::from_secs(2);
/// How long it may go on.
const WHOLE: Duration = Duration::from_secs(10);

/// Reads and throws away, until the client ends or nothing more is expected of it.
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
