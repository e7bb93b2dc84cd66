//! Rows that are changed after a migration: batch by batch along the primary key, tenant by tenant, each batch in a
//! transaction of its own together with the note of how far it is. Killed at any moment, it goes on from there.

mod batch;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    Backfill, Error, Event, Migration, Migrations, Script, Settings, Version,
    history::{self, Row},
    run::{
        lock::{self, BACKFILL_LOCK},
        session,
    },
};

/// Rows may be added all the time by a release that does not fill them yet; for ever is a mistake.
const MOST_PASSES: u32 = 100;

/// How far a backfill is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether a whole pass found nothing to change.
    pub done: bool,
    /// Which pass runs, from 0.
    pub pass: u32,
    /// Rows that were looked at, in all passes.
    pub seen: u64,
    /// Rows that were changed, in all passes.
    pub changed: u64,
    /// Rows that were changed in this pass.
    changed_in_pass: u64,
    /// The last key of the last batch.
    account: Option<Uuid>,
    id: Option<Uuid>,
}

/// What an operator may choose.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Rows in one transaction, instead of what the file says.
    pub batch: Option<u32>,
    /// The rest between two of them, instead of what the file says.
    pub pause: Option<Duration>,
}

/// A backfill that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filled {
    /// The migration that defines it.
    pub version: Version,
    /// Rows that were looked at, in all passes.
    pub seen: u64,
    /// Rows that were changed.
    pub changed: u64,
}

/// Runs every backfill that has not ended, oldest first. One process at a time.
pub async fn backfill(
    database: &PgConnectOptions,
    migrations: &Migrations,
    pace: &Pace,
    settings: &Settings,
) -> Result<Vec<Filled>, Error> {
    let mut conn = session::open(database).await?;
    lock::take_one(&mut conn, BACKFILL_LOCK, settings).await?;
    history::verify(&mut conn).await?;
    let rows = history::read(&mut conn).await?;
    let wait = settings.lock_timeout.as_millis();
    session::send(&mut conn, &format!("set lock_timeout = {wait}")).await?;
    let mut filled = Vec::new();
    for (migration, backfill, row) in defined(migrations, &rows) {
        if row.checksum != migration.checksum {
            let file = migration.file().to_owned();
            return Err(Error::Edited {
                file,
                applied: row.checksum.clone(),
                present: migration.checksum.clone(),
            });
        }
        if row.backfill.as_ref().is_none_or(|progress| !progress.done) {
            filled.push(fill(&mut conn, migration, backfill, pace, settings).await?);
        }
    }
    conn.close().await?;
    Ok(filled)
}

/// The backfills of migrations that stand.
fn defined<'m>(
    migrations: &'m Migrations,
    rows: &'m [Row],
) -> impl Iterator<Item = (&'m Migration, &'m Backfill, &'m Row)> {
    migrations.iter().filter_map(|migration| {
        let backfill = migration.up.directives.backfill.as_ref()?;
        let version = migration.version.to_string();
        let row = rows.iter().find(|row| row.version == version && row.stands())?;
        Some((migration, backfill, row))
    })
}

async fn fill(
    conn: &mut PgConnection,
    migration: &Migration,
    backfill: &Backfill,
    pace: &Pace,
    settings: &Settings,
) -> Result<Filled, Error> {
    let rows = pace.batch.unwrap_or(backfill.batch);
    let pause = pace.pause.unwrap_or(backfill.pause);
    loop {
        let progress = batch::next(conn, migration, backfill, rows, settings).await?;
        let Progress { seen, changed, .. } = progress;
        let version = migration.version.clone();
        if progress.done {
            return Ok(Filled { version, seen, changed });
        }
        if progress.pass > MOST_PASSES {
            return Err(Error::Endless(version));
        }
        settings.listener.tell(&Event::Batch { version, seen, changed });
        sleep(pause).await;
    }
}

/// Whether the backfill that a file counts on has ended; one over a table without rows has.
pub(crate) async fn insist(
    conn: &mut PgConnection,
    script: &Script,
    migrations: &Migrations,
    rows: &[Row],
) -> Result<(), Error> {
    let Some(needed) = &script.directives.needs_backfill else { return Ok(()) };
    let version = needed.to_string();
    let row = rows.iter().find(|row| row.version == version);
    if row.and_then(|row| row.backfill.as_ref()).is_some_and(|progress| progress.done) {
        return Ok(());
    }
    let defining = migrations.find(needed).ok_or_else(|| Error::NoSuch(needed.clone()))?;
    if let Some(Backfill { table, .. }) = &defining.up.directives.backfill {
        let question = format!("select exists (select from {table})");
        let (used,): (bool,) = sqlx::query_as(AssertSqlSafe(question)).fetch_one(conn).await?;
        if used {
            return Err(Error::NeedsBackfill { file: script.file.clone(), version: needed.clone() });
        }
    }
    Ok(())
}
