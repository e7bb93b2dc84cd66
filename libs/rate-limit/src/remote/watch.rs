//! Monitors Redis continuously, so that outages are detected without requests, and end without a restart.

use std::{
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    time::Duration,
};

use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use super::{LeaseRequest, Remote, StoreFailure};
use crate::Rate;

/// Interval of the checks.
const EVERY: Duration = Duration::from_millis(500);
/// Timeout of a PING; no request waits for it.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Timeout for connecting: TLS to a distant address needs several round trips.
const CONNECT: Duration = Duration::from_secs(2);

/// Runs as long as the connection is in use elsewhere.
pub(super) async fn watch(remote: Weak<Remote>) {
    let mut is_first = true;
    while let Some(remote) = remote.upgrade() {
        look(&remote, is_first).await;
        is_first = false;
        drop(remote);
        sleep(EVERY).await;
    }
}

async fn look(remote: &Remote, is_first: bool) {
    if let Some(connection) = remote.connection.load_full() {
        let mut asked = (*connection).clone();
        let ping = redis::cmd("PING");
        let trouble = match timeout(PING_TIMEOUT, ping.query_async::<()>(&mut asked)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.into(),
            Err(_) => StoreFailure::Late,
        };
        return remote.lost(&connection, &trouble);
    }
    match connect(remote).await {
        Ok(connection) => {
            remote.connection.store(Some(Arc::new(connection)));
            remote.late.store(0, Relaxed);
            remote.troubles.store(0, Relaxed);
            remote.degraded.set(0);
            tracing::info!("Redis is there: gateways share their limits");
        }
        Err(trouble) if is_first => tracing::warn!(
            error = &trouble as &dyn std::error::Error,
            "Redis is not there: this gateway holds limits by itself"
        ),
        Err(_) => {} // logged already
    }
}

/// Connects and runs the script once: a connection without write permission is useless.
async fn connect(remote: &Remote) -> Result<MultiplexedConnection, StoreFailure> {
    let bounds =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
    let connection = remote.client.get_multiplexed_async_connection_with_config(&bounds).await?;
    let (name, owed) = (format!("probe:{}", std::process::id()), Duration::ZERO);
    let probe = LeaseRequest { name, rate: Rate::new(60_000, 1000), permits: 1, owed };
    remote.call(&connection, &probe).await?;
    Ok(connection)
}
