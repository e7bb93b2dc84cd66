//! Backfills: change rows after a migration in batches along the primary key, tenant by tenant. Each batch commits
//! together with its progress, so an interrupted backfill resumes.

mod batch;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    Backfill, Error, Event, Migration, Migrations, RunOptions, Script, Version,
    history::{self, HistoryRow},
    run::{
        lock::{self, BACKFILL_LOCK},
        session,
    },
};

/// Maximum number of passes. A release that does not fill the column yet may keep adding rows; an endless loop is
/// an error.
const MAX_PASSES: u32 = 100;

/// Progress of a backfill over a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether a complete pass found nothing to change.
    pub done: bool,
    /// Number of the current pass, from 0.
    pub pass: u32,
    /// Number of rows examined in all passes.
    pub seen: u64,
    /// Number of rows changed in all passes.
    pub changed: u64,
    /// Number of rows changed in this pass.
    changed_in_pass: u64,
    /// Last key of the previous batch: account and id.
    account: Option<Uuid>,
    id: Option<Uuid>,
}

/// Operator settings that override those of the file.
#[derive(Debug, Clone, Default)]
pub struct BackfillLimits {
    /// Rows per transaction; `None` uses the file's setting.
    pub batch: Option<u32>,
    /// Pause between batches; `None` uses the file's setting.
    pub pause: Option<Duration>,
}

/// Result of a completed backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackfillResult {
    /// Version of the migration that defines it.
    pub version: Version,
    /// Number of rows examined in all passes.
    pub seen: u64,
    /// Number of rows changed in all passes.
    pub changed: u64,
}

/// Runs all incomplete backfills, oldest first. An advisory lock admits one process at a time.
pub async fn backfill(
    database: &PgConnectOptions,
    migrations: &Migrations,
    pace: &BackfillLimits,
    settings: &RunOptions,
) -> Result<Vec<BackfillResult>, Error> {
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

/// Backfills of applied migrations.
fn defined<'m>(
    migrations: &'m Migrations,
    rows: &'m [HistoryRow],
) -> impl Iterator<Item = (&'m Migration, &'m Backfill, &'m HistoryRow)> {
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
    pace: &BackfillLimits,
    settings: &RunOptions,
) -> Result<BackfillResult, Error> {
    let rows = pace.batch.unwrap_or(backfill.batch);
    let pause = pace.pause.unwrap_or(backfill.pause);
    loop {
        let progress = batch::next(conn, migration, backfill, rows, settings).await?;
        let Progress { seen, changed, .. } = progress;
        let version = migration.version.clone();
        if progress.done {
            return Ok(BackfillResult { version, seen, changed });
        }
        if progress.pass > MAX_PASSES {
            return Err(Error::Endless(version));
        }
        settings.listener.tell(&Event::Batch { version, seen, changed });
        sleep(pause).await;
    }
}

/// Fails unless the backfill that a file requires is complete; a backfill of an empty table is.
pub(crate) async fn insist(
    conn: &mut PgConnection,
    script: &Script,
    migrations: &Migrations,
    rows: &[HistoryRow],
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
