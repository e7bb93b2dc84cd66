//! Tells other processes what was put on the line, until they have it or no token can be alive that it speaks of.

use std::{
    sync::Weak,
    time::{Duration, Instant},
};

use kernel::{Clock, jittered};
use redis::{Client, RedisResult, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use crate::{
    Ended, Inner,
    known::LONGEST,
    line::{Line, Way},
    listen::{CHANNEL, KEPT, PAUSE, connect, earliest},
};

/// In one message: 50 kB.
const AT_ONCE: usize = 500;
/// How often it is looked whether anybody has the line still.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn tell(client: Client, inner: Weak<Inner>) {
    let mut conn = None;
    let Some(way) = with(&inner, |line| Way::of(line, "telling")) else { return };
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

fn with<T>(inner: &Weak<Inner>, f: impl FnOnce(&Line) -> T) -> Option<T> {
    inner.upgrade()?.line.as_ref().map(f)
}

async fn until_told(
    client: &Client,
    conn: &mut Option<MultiplexedConnection>,
    ended: &[Ended],
    way: &Way,
    start: Instant,
) {
    while start.elapsed() < LONGEST {
        match send(client, conn, ended).await {
            Ok(()) => return way.works(),
            Err(error) => way.fails(&error),
        }
        *conn = None;
        sleep(jittered(PAUSE)).await;
    }
}

async fn send(client: &Client, conn: &mut Option<MultiplexedConnection>, ended: &[Ended]) -> RedisResult<()> {
    let conn = match conn {
        Some(conn) => conn,
        None => conn.insert(connect(client).await?),
    };
    let now = Clock::system().unix_seconds();
    let items: Vec<(i64, String)> = ended.iter().map(|one| (now, one.to_string())).collect();
    let message = items.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
    let life = i64::try_from(LONGEST.as_secs()).unwrap_or(i64::MAX);
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
