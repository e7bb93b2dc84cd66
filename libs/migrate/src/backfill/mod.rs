//! Backfills: change rows after a migration in batches along the primary key, tenant by tenant. Each batch commits
//! together with its progress, so an interrupted backfill resumes.

mod batch;

use std::time::Duration;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

use crate::{
    Backfill, BackfillError, Error, Event, HistoryError, Migration, Migrations, Progress, RunOptions,
    Version,
    advisory_locks::BACKFILL_LOCK,
    history::{self, HistoryRow},
    run::lock,
    session,
};

/// Maximum number of passes. A release that does not fill the column yet may keep adding rows; an endless loop is
/// an error.
const MAX_PASSES: u32 = 100;

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
            let (applied, present) = (row.checksum.clone(), migration.checksum.clone());
            return Err(HistoryError::Edited { file, applied, present }.into());
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
            return Err(BackfillError::Endless(version).into());
        }
        settings.listener.tell(&Event::Batch { version, seen, changed });
        sleep(pause).await;
    }
}
