//! Supervisor: restarts a server that ends unexpectedly.

use std::time::Duration;

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{Access, Cluster, Error};

/// Interval of the checks of the process.
const LOOK: Duration = Duration::from_millis(200);
/// Minimum and maximum restart delay. The first is short, because leftovers of a killed server vanish in a moment.
const RESTART_DELAYS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(16));
/// Maximum number of restarts before giving up.
const ATTEMPTS: u32 = 8;
/// Uptime after which a server counts as healthy, and the restart counter is reset.
const WELL: Duration = Duration::from_secs(60);

/// Supervises a server: restarts it with the same data and port, with exponential backoff and a limit.
#[derive(Debug)]
pub struct Supervisor {
    access: Access,
    port: u16,
    stop: oneshot::Sender<()>,
    gave_up: watch::Receiver<bool>,
    task: JoinHandle<Result<(), Error>>,
}

impl Cluster {
    /// Supervises the server until [`Supervisor::stop`].
    #[must_use]
    pub fn supervise(self) -> Supervisor {
        let (access, port) = (self.access.clone(), self.port());
        let (stop, stopped) = oneshot::channel();
        let (given_up, gave_up) = watch::channel(false);
        let task = tokio::spawn(async move {
            let kept = keep(self, stopped).await;
            let _ = given_up.send(kept.is_err()); // there may be no receiver
            kept
        });
        Supervisor { access, port, stop, gave_up, task }
    }
}

impl Supervisor {
    /// Connection parameters of the server.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Port of the server on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Completes when the server has ended and cannot be restarted; [`stop`](Self::stop) returns the reason.
    pub async fn gave_up(&self) {
        let mut gave_up = self.gave_up.clone();
        if gave_up.wait_for(|gave_up| *gave_up).await.is_err() {
            std::future::pending::<()>().await; // it was stopped, not given up
        }
    }

    /// Stops the server with a fast shutdown.
    ///
    /// # Errors
    ///
    /// Returns [`Error::GaveUp`] if the server was given up before.
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(()); // it may have given up
        self.task.await.unwrap_or_else(|ended| {
            Err(Error::Program { program: "the supervisor of PostgreSQL", output: ended.to_string() })
        })
    }
}

async fn keep(mut cluster: Cluster, mut stopped: oneshot::Receiver<()>) -> Result<(), Error> {
    let (mut failures, mut started) = (0, Instant::now());
    loop {
        tokio::select! {
            _ = &mut stopped => return cluster.stop().await,
            () = sleep(LOOK) => {}
        }
        if !cluster.has_ended() {
            continue;
        }
        if started.elapsed() > WELL {
            failures = 0;
        }
        tracing::error!(
            log = %cluster.server.log.display(),
            "PostgreSQL has ended, and is started again; requests are answered with 503 until it is back"
        );
        let ended = Instant::now();
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            again = start(&mut cluster, &mut failures) => again?,
        }
        started = Instant::now();
        let away_ms = u64::try_from(ended.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(away_ms, attempts = failures, "PostgreSQL is back");
    }
}

/// Restarts the server with backoff. `failures` counts all starts since the server was last healthy: one that ends
/// right after its start is a failure.
async fn start(cluster: &mut Cluster, failures: &mut u32) -> Result<(), Error> {
    loop {
        sleep((RESTART_DELAYS.0 * 2_u32.pow((*failures).min(16))).min(RESTART_DELAYS.1)).await;
        *failures += 1;
        match cluster.start_again().await {
            Ok(()) if *failures <= ATTEMPTS => return Ok(()),
            Ok(()) => {
                let source = Box::new(Error::Silent(cluster.server.last_words()));
                return Err(Error::GaveUp { attempts: ATTEMPTS, source });
            }
            Err(error) if *failures >= ATTEMPTS => {
                return Err(Error::GaveUp { attempts: ATTEMPTS, source: Box::new(error) });
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "not yet"),
        }
    }
}
