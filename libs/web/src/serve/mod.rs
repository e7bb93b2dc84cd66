//! A router on a socket, until it is told to stop.

mod ask;
mod bounds;
mod connection;
mod head;
mod heads;
mod host;
mod linger;
mod pace;
mod received;
mod refused;
mod socket;

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
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

pub use ask::{Unready, ask, program, ready};
pub use bounds::{BodyRate, Bounds};
use connection::Place;
pub(crate) use pace::TooSlow;

/// After a failure to accept that is no client's: too many open files, most often.
const BREATH: Duration = Duration::from_millis(500);

/// A socket that is bound, so that its port is known and taken before anything else starts.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    bounds: Bounds,
}

impl Listener {
    /// Binds `address`.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{address} cannot be listened on ({error}); is something else running there?"),
            )
        })?;
        Ok(Self { socket, bounds: Bounds::default() })
    }

    /// With other bounds than the usual ones.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Serves until `stop` is done. Then it says so to whoever asks whether it is ready, takes no more connections, and finishes
/// the requests that run.
pub async fn serve(
    Listener { socket, bounds }: Listener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let place = Place::new(router, &bounds);
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
        let served = connections.watch(place.serve(stream, peer));
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(taken);
        });
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

/// The next connection, as soon as there is a place for it: until then it waits in the queue of the system.
async fn accept(
    socket: &TcpListener,
    free: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let taken = Arc::clone(free).acquire_owned().await.ok(); // nobody closes the semaphore
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => return (stream, peer, taken),
            Err(error) if is_of_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                sleep(BREATH).await;
            }
        }
    }
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Done when the operator ends the process: Ctrl-C or SIGTERM.
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

/// How a service's process ends: what went wrong is told to the operator in full, causes included, and nothing else.
pub fn exit_code<E: Display>(ended: Result<(), E>) -> ExitCode {
    let Err(error) = ended else { return ExitCode::SUCCESS };
    let _ = writeln!(io::stderr(), "{error:#}"); // nobody may be listening
    ExitCode::FAILURE
}
