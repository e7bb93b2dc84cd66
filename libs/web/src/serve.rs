//! A router on a socket, until it is told to stop.

use std::{
    fmt::Display,
    future::Future,
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use axum::{Router, serve::ListenerExt as _};
use tokio::net::TcpListener;

/// How long requests may still run when the process ends.
const DRAIN: Duration = Duration::from_secs(20);

/// A socket that is bound, so that its port is known and taken before anything else starts.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address`.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{address} cannot be listened on ({error}); is something else running there?"),
            )
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Serves until `stop` is done, then finishes the requests that run.
pub async fn serve(
    listener: Listener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (drained, draining) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        let _ = drained.send(()); // whoever waited may be gone
    };
    // Small answers must not wait for more to come.
    let listener = listener.0.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
    tokio::select! {
        served = async { serving.await } => served,
        () = async { let _ = draining.await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("requests still ran after {} s and were cut off", DRAIN.as_secs());
            Ok(())
        }
    }
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
