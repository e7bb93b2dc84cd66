//! Check of `nexo:needs-backfill`.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{Backfill, BackfillError, Error, Migrations, Script, history::HistoryRow};

/// Fails unless the backfill that a file requires is complete; a backfill of an empty table is.
pub(super) async fn insist(
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
            let (file, version) = (script.file.clone(), needed.clone());
            return Err(BackfillError::Incomplete { file, version }.into());
        }
    }
    Ok(())
}
