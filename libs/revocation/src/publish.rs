//! Publisher: sends queued revocations to other processes, until it succeeds or the tokens have expired.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use kernel::{Clock, jittered};
use redis::{Client, RedisResult, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use crate::{
    Inner, RevokedTokens,
    channel::{Channel, Direction},
    listen::{CHANNEL, KEPT, RETRY_DELAY, connect, earliest},
    table::MAX_TOKEN_TTL,
};

/// Maximum number of revocations per message (50 kB).
const AT_ONCE: usize = 500;
/// Interval at which the publisher checks whether clones still exist.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn tell(client: Client, inner: Weak<Inner>) {
    let mut conn = None;
    let Some(way) = with(&inner, |line| Direction::new(line, "telling")) else { return };
    while let Some(held) = inner.upgrade() {
        let Some(line) = held.line.as_ref() else { return };
        let Ok(ended) = timeout(LOOK, line.take()).await else { continue };
        drop(held);
        let start = Instant::now();
        for some in ended.chunks(AT_ONCE) {
            until_told(&client, &mut conn, some, &way, start).await;
        }
    }
}

fn with<T>(inner: &Weak<Inner>, f: impl FnOnce(&Channel) -> T) -> Option<T> {
    inner.upgrade()?.line.as_ref().map(f)
}

async fn until_told(
    client: &Client,
    conn: &mut Option<MultiplexedConnection>,
    ended: &[RevokedTokens],
    way: &Direction,
    start: Instant,
) {
    while start.elapsed() < MAX_TOKEN_TTL {
        match send(client, conn, ended).await {
            Ok(()) => return way.works(),
            Err(error) => way.fails(&error),
        }
        *conn = None;
        sleep(jittered(RETRY_DELAY)).await;
    }
}

async fn send(
    client: &Client,
    conn: &mut Option<MultiplexedConnection>,
    ended: &[RevokedTokens],
) -> RedisResult<()> {
    let conn = match conn {
        Some(conn) => conn,
        None => conn.insert(connect(client).await?),
    };
    let now = Clock::system().unix_seconds();
    let items: Vec<(i64, String)> = ended.iter().map(|one| (now, one.to_string())).collect();
    let message = items.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
    let life = i64::try_from(MAX_TOKEN_TTL.as_secs()).unwrap_or(i64::MAX);
    redis::pipe()
        .atomic()
        .zadd_multiple(KEPT, &items)
        .ignore()
        .zrembyscore(KEPT, "-inf", earliest())
        .ignore()
        .expire(KEPT, life)
        .ignore()
        .publish(CHANNEL, message)
        .ignore()
        .exec_async(conn)
        .await
}
