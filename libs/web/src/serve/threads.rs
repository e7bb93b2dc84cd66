//! Threads that serve connections, each with a runtime of its own.
//!
//! The threads of one runtime share its events: a thread with several wakes another, which mostly finds nothing to
//! do, and connections move between cores. Where a request takes microseconds, that is a quarter of its cost.

use std::{future::Future, io, sync::Arc, thread, time::Duration};

use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle},
    sync::oneshot,
    time::timeout,
};

/// Interval of a timer that each thread always has. Tokio interrupts its wait for events with a system call for any
/// timer that ends before all others, as the timeouts of a request would.
const TICK: Duration = Duration::from_secs(1);

/// Threads that run until this value is dropped.
pub(super) struct ServingThreads(Vec<ServingThread>);

struct ServingThread {
    runtime: Handle,
    /// Each connection of the thread holds a clone.
    load: Arc<()>,
    /// Dropping it ends the thread, with all its tasks.
    _run: oneshot::Sender<()>,
}

impl ServingThreads {
    /// Starts as many threads as the current runtime has.
    pub(super) fn start() -> io::Result<Self> {
        let count = Handle::current().metrics().num_workers();
        (0..count)
            .map(|number| ServingThread::start(&format!("serving-{number}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Serves a connection on the thread that has the fewest.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        stream: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) {
        let Some(thread) = self.0.iter().min_by_key(|one| Arc::strong_count(&one.load)) else { return };
        let load = Arc::clone(&thread.load);
        let moved = stream.into_std(); // events of a socket come to the runtime in which it was made
        thread.runtime.spawn(async move {
            match moved.and_then(TcpStream::from_std) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::warn!(%error, "a connection cannot be served"),
            }
            drop(load);
        });
    }
}

impl ServingThread {
    fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (run, mut ended)) = (runtime.handle().clone(), oneshot::channel::<()>());
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async { while timeout(TICK, &mut ended).await.is_err() {} });
        })?;
        Ok(Self { runtime: handle, load: Arc::default(), _run: run })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Router, routing::get};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{Listener, serve};

    async fn thread_name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_thread_serves_its_share_of_the_connections_and_ends_with_the_rest() {
        let listener = Listener::bind("here", ([127, 0, 0, 1], 0).into()).await.unwrap().on_own_threads();
        let (address, (stop, stopped)) = (listener.address().unwrap(), oneshot::channel::<()>());
        let router = Router::new().route("/", get(thread_name));
        let served = tokio::spawn(serve(listener, router, async { drop(stopped.await) }));
        let (mut open, mut names) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 1024];
            let length = stream.read(&mut answer).await.unwrap();
            names.push(String::from_utf8_lossy(&answer[..length]).lines().last().unwrap().to_owned());
            open.push(stream);
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 2, "{names:?}");
        assert_eq!(names.iter().filter(|name| *name == "serving-0").count(), 2, "{names:?}");
        drop(stop);
        served.await.unwrap().unwrap();
        let mut rest = Vec::new();
        open.remove(0).read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"", "the idle connection was closed");
    }
}
