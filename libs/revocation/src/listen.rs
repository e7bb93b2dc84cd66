//! Hears what other processes tell.

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

use crate::{Ended, Inner, known::LONGEST, line::Way};

/// Where sessions are told of that have just ended, several with spaces between them.
pub(crate) const CHANNEL: &str = "nexo:revoked";
/// Where they stand until no token of theirs can be alive, by the time at which they ended, in seconds since 1970.
pub(crate) const KEPT: &str = "nexo:revoked:kept";
/// A server that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is asked whether the line stands.
const BEAT: Duration = Duration::from_millis(500);
/// After a failure.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);
/// As long as others may need to tell what they could not while the server was away.
const SETTLE: Duration = Duration::from_secs(1);
/// All that [`Known`](crate::known::Known) takes.
const MOST: isize = 500_000;

/// Listens for as long as anybody wants to know.
pub(crate) async fn listen(client: Client, inner: Weak<Inner>) {
    let Some(way) = inner.upgrade().and_then(|inner| Some(Way::of(inner.line.as_ref()?, "listening"))) else {
        return;
    };
    loop {
        let Err(error) = hear(&client, &inner, &way).await;
        if inner.strong_count() == 0 {
            return;
        }
        way.fails(&error);
        sleep(jittered(PAUSE)).await;
    }
}

/// First the messages, then what stands: nothing can fall between the two.
async fn hear(client: &Client, inner: &Weak<Inner>, way: &Way) -> RedisResult<Infallible> {
    let (mut sink, mut stream) = timeout(PATIENCE, client.get_async_pubsub()).await.map_err(late)??.split();
    timeout(PATIENCE, sink.subscribe(CHANNEL)).await.map_err(late)??;
    let mut conn = connect(client).await?;
    learn(inner, &kept(&mut conn).await?)?;
    settle(&mut stream, inner).await?;
    learn(inner, &kept(&mut conn).await?)?;
    drop(conn);
    let mut beat = interval(BEAT);
    loop {
        tokio::select! {
            biased; // what was told before the beat is learnt before the line counts as heard
            message = stream.next() => learn(inner, &told(message)?)?,
            _ = beat.tick() => {
                timeout(PATIENCE, sink.ping::<Value>()).await.map_err(late)??;
                way.works();
                if let Some(line) = present(inner)?.line.as_ref() {
                    line.hear();
                }
            }
        }
    }
}

/// Listens on for a while, before it counts.
async fn settle(stream: &mut PubSubStream, inner: &Weak<Inner>) -> RedisResult<()> {
    let end = Instant::now() + SETTLE;
    while let Ok(message) = timeout_at(end, stream.next()).await {
        learn(inner, &told(message)?)?;
    }
    Ok(())
}

/// A connection for commands, whose answers do not take long.
pub(crate) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The first second that still counts.
pub(crate) fn earliest() -> i64 {
    Clock::system().unix_seconds().saturating_sub_unsigned(LONGEST.as_secs())
}

async fn kept(conn: &mut MultiplexedConnection) -> RedisResult<String> {
    let kept: Vec<String> = conn.zrangebyscore_limit(KEPT, earliest(), "+inf", 0, MOST).await?;
    Ok(kept.join(" "))
}

fn told(message: Option<redis::Msg>) -> RedisResult<String> {
    message.ok_or_else(|| RedisError::from((ErrorKind::Io, "the connection was closed")))?.get_payload()
}

/// What cannot be read was told by a later release: it is left to the database.
fn learn(inner: &Weak<Inner>, told: &str) -> RedisResult<()> {
    let ended: Vec<Ended> = told.split_ascii_whitespace().filter_map(Ended::read).collect();
    present(inner)?.known.learn(&ended);
    Ok(())
}

fn present(inner: &Weak<Inner>) -> RedisResult<Arc<Inner>> {
    inner.upgrade().ok_or_else(|| RedisError::from((ErrorKind::Io, "nobody wants to know")))
}

fn late<E>(_: E) -> RedisError {
    RedisError::from((ErrorKind::Io, "no answer came in time"))
}
