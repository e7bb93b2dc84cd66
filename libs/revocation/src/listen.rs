//! Listener: receives revocations of other processes.

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::StreamExt as _;
use kernel::{Clock, jittered};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection, aio::PubSubStream,
};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use crate::{Inner, RevokedTokens, channel::Direction, table::MAX_TOKEN_TTL};

/// Channel of new revocations; a message holds several, separated by spaces.
pub(crate) const CHANNEL: &str = "nexo:revoked";
/// Sorted set of revocations during the maximum life of a token, scored by Unix time in seconds.
pub(crate) const KEPT: &str = "nexo:revoked:kept";
/// Timeout of Redis, after which it counts as unavailable.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Interval of proof-of-life checks.
const BEAT: Duration = Duration::from_millis(500);
/// Delay before a retry after a failure.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Time for other processes to publish what they queued during an outage.
const SETTLE: Duration = Duration::from_secs(1);
/// Maximum number of revocations to read: the capacity of [`RevocationTable`](crate::table::RevocationTable).
const MAX_READ: isize = 500_000;

/// Listens until all clones are dropped; reconnects after failures.
pub(crate) async fn listen(client: Client, inner: Weak<Inner>) {
    let Some(way) = inner.upgrade().and_then(|inner| Some(Direction::new(inner.line.as_ref()?, "listening")))
    else {
        return;
    };
    loop {
        let Err(error) = hear(&client, &inner, &way).await;
        if inner.strong_count() == 0 {
            return;
        }
        way.fails(&error);
        sleep(jittered(RETRY_DELAY)).await;
    }
}

/// Subscribes first and reads the set afterwards, so that no revocation is missed in between.
async fn hear(client: &Client, inner: &Weak<Inner>, way: &Direction) -> RedisResult<Infallible> {
    let (mut sink, mut stream) =
        timeout(READ_TIMEOUT, client.get_async_pubsub()).await.map_err(late)??.split();
    timeout(READ_TIMEOUT, sink.subscribe(CHANNEL)).await.map_err(late)??;
    let mut conn = connect(client).await?;
    learn(inner, &kept(&mut conn).await?)?;
    settle(&mut stream, inner).await?;
    learn(inner, &kept(&mut conn).await?)?;
    drop(conn);
    let mut beat = interval(BEAT);
    loop {
        tokio::select! {
            biased; // revocations before the beat are applied before it counts as proof of life
            message = stream.next() => learn(inner, &told(message)?)?,
            _ = beat.tick() => {
                timeout(READ_TIMEOUT, sink.ping::<Value>()).await.map_err(late)??;
                way.works();
                if let Some(line) = present(inner)?.line.as_ref() {
                    line.hear();
                }
            }
        }
    }
}

/// Keeps listening for a while, before the channel counts as working.
async fn settle(stream: &mut PubSubStream, inner: &Weak<Inner>) -> RedisResult<()> {
    let end = Instant::now() + SETTLE;
    while let Ok(message) = timeout_at(end, stream.next()).await {
        learn(inner, &told(message)?)?;
    }
    Ok(())
}

/// Connects for commands, with a timeout for responses.
pub(crate) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(READ_TIMEOUT))
        .set_response_timeout(Some(READ_TIMEOUT));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Oldest score that is still relevant, as Unix time in seconds.
pub(crate) fn earliest() -> i64 {
    Clock::system().unix_seconds().saturating_sub_unsigned(MAX_TOKEN_TTL.as_secs())
}

async fn kept(conn: &mut MultiplexedConnection) -> RedisResult<String> {
    let kept: Vec<String> = conn.zrangebyscore_limit(KEPT, earliest(), "+inf", 0, MAX_READ).await?;
    Ok(kept.join(" "))
}

fn told(message: Option<redis::Msg>) -> RedisResult<String> {
    message.ok_or_else(|| RedisError::from((ErrorKind::Io, "the connection was closed")))?.get_payload()
}

/// Applies revocations. Unreadable ones come from a later release, and are left to the database.
fn learn(inner: &Weak<Inner>, told: &str) -> RedisResult<()> {
    let ended: Vec<RevokedTokens> = told.split_ascii_whitespace().filter_map(RevokedTokens::read).collect();
    present(inner)?.known.learn(&ended);
    Ok(())
}

fn present(inner: &Weak<Inner>) -> RedisResult<Arc<Inner>> {
    inner.upgrade().ok_or_else(|| RedisError::from((ErrorKind::Io, "the channel was dropped")))
}

fn late<E>(_: E) -> RedisError {
    RedisError::from((ErrorKind::Io, "no answer came in time"))
}
