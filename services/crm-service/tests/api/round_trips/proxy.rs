//! A proxy in front of PostgreSQL, which can cut connections and counts what a client sends.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
};

use sqlx::postgres::PgConnectOptions;
use testkit::Database;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};

/// Not armed.
const NEVER: i64 = i64::MAX;

#[derive(Debug, Default)]
struct State {
    /// Bytes of answers that still pass.
    left: AtomicI64,
    /// Chunks that clients have sent: a client that sends one batch and waits sends one.
    requests: AtomicUsize,
    /// Bytes that the server has sent.
    answered: AtomicUsize,
}

#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy before the server of `database`.
    pub(crate) async fn before(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { left: NEVER.into(), ..State::default() });
        let (server, shared): (PgConnectOptions, _) = (database.superuser(), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let address = (server.get_host().to_owned(), server.get_port());
                let server = TcpStream::connect((address.0.as_str(), address.1)).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(requests(from_client, to_server, Arc::clone(&shared)));
                tokio::spawn(answers(from_server, to_client, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// URL of the database through the proxy, from its URL without.
    pub(crate) fn url(&self, database: &Database, role: &str) -> String {
        let settings = database.settings(role);
        let (_, direct) = settings.iter().find(|(name, _)| name == "DATABASE_URL").unwrap();
        let old = format!(":{}/", database.superuser().get_port());
        direct.replace(&old, &format!(":{}/", self.port))
    }

    /// Cuts the connection whose answer passes this number of bytes; once.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.state.left.store(i64::try_from(bytes).unwrap(), SeqCst);
    }

    /// Whether the connection was cut.
    pub(crate) fn disarm(&self) -> bool {
        self.state.left.swap(NEVER, SeqCst) == NEVER
    }

    /// Number of batches that were sent until now, and of bytes that were answered.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.state.requests.load(SeqCst), self.state.answered.load(SeqCst))
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        state.requests.fetch_add(1, SeqCst);
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        state.answered.fetch_add(read, SeqCst);
        let passing = i64::try_from(read).unwrap();
        let armed = state.left.load(SeqCst);
        if armed != NEVER && armed < passing {
            state.left.store(NEVER, SeqCst);
            let _ = to.write_all(&bytes[..usize::try_from(armed).unwrap()]).await;
            return;
        }
        if armed != NEVER {
            state.left.fetch_sub(passing, SeqCst);
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
