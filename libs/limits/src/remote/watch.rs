//! Whether Redis is there: asked all the time, so that an outage shows without a request, and ends without a restart.

use std::{
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    time::Duration,
};

use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use super::{Remote, Trouble, Wanted};
use crate::Rate;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take to say that it is there: nobody waits for it.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a connection may take: an address far away asks for several round trips, with TLS.
const CONNECT: Duration = Duration::from_secs(2);

/// For as long as somebody has the remote.
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
        let trouble = match timeout(PATIENCE, ping.query_async::<()>(&mut asked)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.into(),
            Err(_) => Trouble::Late,
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
        Err(_) => {} // told already
    }
}

/// A connection that was seen to do what it is for: one that reads, but may not write, is of no use.
async fn connect(remote: &Remote) -> Result<MultiplexedConnection, Trouble> {
    let bounds =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
    let connection = remote.client.get_multiplexed_async_connection_with_config(&bounds).await?;
    let (name, owed) = (format!("probe:{}", std::process::id()), Duration::ZERO);
    let probe = Wanted { name, rate: Rate::new(60_000, 1000), permits: 1, owed };
    remote.call(&connection, &probe).await?;
    Ok(connection)
}
