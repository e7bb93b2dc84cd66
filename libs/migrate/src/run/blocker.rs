//! Detection of blocking sessions, and progress of long statements.

use std::time::Duration;

use sqlx::{FromRow, PgConnection};
use tokio::time::{Instant, sleep};

use super::{Event, Listener};
use crate::LockHolder;

/// Observes the connection `pid` while `work` runs on it. Also returns the last blocking session seen.
pub(crate) async fn watched<T>(
    work: impl Future<Output = T>,
    observer: &mut PgConnection,
    pid: i32,
    statement: usize,
    listener: &Listener,
) -> (T, Option<LockHolder>) {
    let mut work = std::pin::pin!(work);
    let mut seen: Option<LockHolder> = None;
    let mut told = Instant::now();
    loop {
        tokio::select! {
            done = &mut work => return (done, seen),
            () = sleep(Duration::from_millis(50)) => {}
        }
        // A failed observation must not abort the work: it only serves messages.
        match blocker(observer, pid).await {
            Ok(Some(holder)) => {
                if seen.as_ref().is_none_or(|before| before.pid != holder.pid) {
                    listener.tell(&Event::Blocked(holder.clone()));
                }
                seen = Some(holder);
            }
            Ok(None) if told.elapsed() > Duration::from_secs(2) => {
                told = Instant::now();
                if let Ok(Some(doing)) = progress(observer, pid).await {
                    listener.tell(&Event::Working { statement, doing });
                }
            }
            _ => {}
        }
    }
}

async fn blocker(observer: &mut PgConnection, pid: i32) -> Result<Option<LockHolder>, sqlx::Error> {
    sqlx::query_as(
        "select a.pid, coalesce(a.application_name, '') as application, coalesce(host(a.client_addr), 'local') as client,
                coalesce(a.query, '') as query, coalesce(extract(epoch from now() - a.xact_start), 0)::bigint as age_seconds
         from unnest(pg_blocking_pids($1)) as blocking (pid) join pg_stat_activity a on a.pid = blocking.pid
         order by a.xact_start limit 1",
    )
    .bind(pid)
    .fetch_optional(observer)
    .await
}

/// Progress as reported by the server (PostgreSQL documentation, 27.4).
#[derive(FromRow)]
struct Build {
    phase: String,
    done: i64,
    total: i64,
}

async fn progress(observer: &mut PgConnection, pid: i32) -> Result<Option<String>, sqlx::Error> {
    let build: Option<Build> = sqlx::query_as(
        "select phase, blocks_done as done, blocks_total as total from pg_stat_progress_create_index where pid = $1",
    )
    .bind(pid)
    .fetch_optional(&mut *observer)
    .await?;
    let age: Option<(i64,)> = sqlx::query_as(
        "select extract(epoch from now() - query_start)::bigint from pg_stat_activity where pid = $1",
    )
    .bind(pid)
    .fetch_optional(observer)
    .await?;
    let seconds = age.map_or(0, |(seconds,)| seconds);
    Ok(Some(match build {
        Some(Build { phase, done, total }) if total > 0 => {
            format!("{phase}, {}% of {total} blocks, for {seconds} s", done * 100 / total)
        }
        Some(Build { phase, .. }) => format!("{phase}, for {seconds} s"),
        None => format!("runs for {seconds} s"),
    }))
}
