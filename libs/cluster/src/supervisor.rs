//! Keeps a server running: one that ends without being asked to is started again.

use std::time::Duration;

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{Access, Cluster, Error};

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// The pauses before a start: the first is short, as what a killed server leaves behind is gone in a moment.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(16));
/// How often it is tried before nobody tries any more.
const ATTEMPTS: u32 = 8;
/// A server that has run for so long since its last start is well: what comes then is counted anew.
const WELL: Duration = Duration::from_secs(60);

/// Holds a server, and starts it again when it ends, on the same data and port; with pauses that double, and not for ever.
#[derive(Debug)]
pub struct Supervisor {
    access: Access,
    port: u16,
    stop: oneshot::Sender<()>,
    gave_up: watch::Receiver<bool>,
    task: JoinHandle<Result<(), Error>>,
}

impl Cluster {
    /// Keeps it running until [`Supervisor::stop`].
    #[must_use]
    pub fn supervise(self) -> Supervisor {
        let (access, port) = (self.access.clone(), self.port());
        let (stop, stopped) = oneshot::channel();
        let (given_up, gave_up) = watch::channel(false);
        let task = tokio::spawn(async move {
            let kept = keep(self, stopped).await;
            let _ = given_up.send(kept.is_err()); // nobody may listen
            kept
        });
        Supervisor { access, port, stop, gave_up, task }
    }
}

impl Supervisor {
    /// The way to the server.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Comes when the server has ended and cannot be started again; [`stop`](Self::stop) says why.
    pub async fn gave_up(&self) {
        let mut gave_up = self.gave_up.clone();
        if gave_up.wait_for(|gave_up| *gave_up).await.is_err() {
            std::future::pending::<()>().await; // it was stopped: that is no giving up
        }
    }

    /// Stops the server as an operator would.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`] when there was none any more.
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

/// Starts it, however often that takes within bounds. `failures` counts every start since the server was last well: one
/// that comes up and ends at once is no success.
async fn start(cluster: &mut Cluster, failures: &mut u32) -> Result<(), Error> {
    loop {
        sleep((PAUSES.0 * 2_u32.pow((*failures).min(16))).min(PAUSES.1)).await;
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
