//! The gateway on a socket, with a byte-level client.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use web::{ConnectionLimits, Listener};

/// A gateway that is being served.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn within(bounds: ConnectionLimits, router: axum::Router) -> Self {
        let listener = Listener::bind("NEXO_GATEWAY_LISTEN", "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap()
            .within(bounds);
        let (address, (stop, stopped)) = (listener.address().unwrap(), oneshot::channel());
        let ended = tokio::spawn(web::serve(listener, router, async { drop(stopped.await) }));
        Self { address, stop, ended }
    }

    /// Triggers the shutdown; the handle completes with it.
    pub(crate) fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.ended
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns the response, until the connection ends or is quiet.
    pub(crate) async fn say(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        read(&mut stream).await
    }
}

/// Reads one complete response, by its `Content-Length`.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        all.extend(piece.iter().take(read));
        let text = String::from_utf8_lossy(&all);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) {
            break;
        }
    }
    String::from_utf8(all).unwrap()
}

/// Reads at least this number of bytes, and nothing that follows.
pub(crate) async fn take(stream: &mut TcpStream, bytes: usize) {
    let (mut taken, mut piece) = (0, [0; 512]);
    while taken < bytes {
        match stream.read(&mut piece).await {
            Ok(read @ 1..) => taken += read,
            _ => break,
        }
    }
}

/// Reads until the connection ends, or is quiet for a while.
pub(crate) async fn read(stream: &mut TcpStream) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(1..)) = timeout(Duration::from_millis(1500), async {
        let read = stream.read(&mut piece).await?;
        all.extend(piece.iter().take(read));
        Ok::<_, std::io::Error>(read)
    })
    .await
    {}
    String::from_utf8(all).unwrap()
}
