//! HTTP server: serves a router on a socket until shutdown.

mod connection;
mod head;
mod host;
mod limits;
mod linger;
mod minimum_rate;
mod readiness;
mod refused;
mod request_body;
mod request_smuggling;
mod socket;
mod threads;

use std::{
    fmt::Display,
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use connection::ConnectionServer;
use hyper_util::server::graceful::GracefulShutdown;
pub use limits::{BodyRate, ConnectionLimits};
pub use readiness::{NotReady, check_readiness, ready, run_service};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use threads::ServingThreads;

/// Delay after a failed accept that no client caused, most often because of too many open files.
const ACCEPT_ERROR_DELAY: Duration = Duration::from_millis(500);

/// A bound socket: its port is known and reserved before anything else starts.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    bounds: ConnectionLimits,
    has_own_threads: bool,
}

impl Listener {
    /// Binds `address`, the value of `setting`; the error names both.
    pub async fn bind(setting: &str, address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "{setting}: {address} cannot be listened on ({error}); is something else running there?"
                ),
            )
        })?;
        Ok(Self { socket, bounds: ConnectionLimits::default(), has_own_threads: false })
    }

    /// Replaces the default limits.
    #[must_use]
    pub fn within(self, bounds: ConnectionLimits) -> Self {
        Self { bounds, ..self }
    }

    /// Serves each connection on one of as many threads as the runtime has. For a process whose requests take
    /// microseconds: none of them may occupy its thread for long.
    #[must_use]
    pub fn on_own_threads(self) -> Self {
        Self { has_own_threads: true, ..self }
    }

    /// Local address of the socket.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Serves until `stop` completes. Then readiness fails, no more connections are accepted, and running requests are
/// finished (graceful shutdown).
pub async fn serve(
    Listener { socket, bounds, has_own_threads }: Listener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let place = Arc::new(ConnectionServer::new(router, &bounds));
    let threads = has_own_threads.then(ServingThreads::start).transpose()?;
    let connections = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(bounds.connections));
    let mut stopped = pin!(async {
        stop.await;
        place.leave();
        sleep(bounds.notice).await;
    });
    loop {
        let (stream, peer, taken) = tokio::select! {
            () = &mut stopped => break,
            accepted = accept(&socket, &free) => accepted,
        };
        let (place, watcher) = (Arc::clone(&place), connections.watcher());
        let served = move |stream| async move {
            if let Err(error) = watcher.watch(place.serve(stream, peer)).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(taken);
        };
        match &threads {
            Some(threads) => threads.spawn(stream, served),
            None => drop(tokio::spawn(served(stream))),
        }
    }
    drop(socket);
    tokio::select! {
        () = connections.shutdown() => {}
        () = sleep(bounds.drain) => {
            tracing::warn!("requests still ran after {} s and were cut off", bounds.drain.as_secs());
        }
    }
    Ok(())
}

/// Accepts the next connection as soon as a slot is free; until then it waits in the listen backlog.
async fn accept(
    socket: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let taken = Arc::clone(free).acquire_owned().await.ok(); // the semaphore is never closed
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => return (stream, peer, taken),
            Err(error) if is_of_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                sleep(ACCEPT_ERROR_DELAY).await;
            }
        }
    }
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Completes on Ctrl-C or SIGTERM.
pub async fn shutdown_signal() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
    tracing::info!("stopping: finishing the requests that run");
}

/// Exit code of a service's process. An error is printed to standard error with all its causes.
pub fn exit_code<E: Display>(ended: Result<(), E>) -> ExitCode {
    let Err(error) = ended else { return ExitCode::SUCCESS };
    let _ = writeln!(io::stderr(), "{error:#}"); // standard error may be closed
    ExitCode::FAILURE
}
