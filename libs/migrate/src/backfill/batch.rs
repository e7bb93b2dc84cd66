//! One batch of a backfill: selects keys, changes rows and records progress in one transaction.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, types::Json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Backfill, BackfillError, Error, Event, Migration, Progress, RunOptions, run::lock::pause};

/// Runs the next batch; retries if its rows are locked.
pub(super) async fn next(
    conn: &mut PgConnection,
    migration: &Migration,
    backfill: &Backfill,
    rows: u32,
    settings: &RunOptions,
) -> Result<Progress, Error> {
    for attempt in 1..settings.attempts {
        match once(conn, migration, backfill, rows).await {
            // lock_not_available, deadlock_detected, serialization_failure
            Err(busy) if busy.code().is_some_and(|code| matches!(&*code, "55P03" | "40P01" | "40001")) => {
                settings.listener.tell(&Event::Again { attempt, blocker: None });
                sleep(pause() * attempt.min(20)).await;
            }
            done => return done,
        }
    }
    once(conn, migration, backfill, rows).await
}

async fn once(
    conn: &mut PgConnection,
    migration: &Migration,
    backfill: &Backfill,
    rows: u32,
) -> Result<Progress, Error> {
    let version = migration.version.to_string();
    let mut tx = conn.begin().await?;
    let (kept,): (Option<Json<Progress>>,) =
        sqlx::query_as("select backfill from ops.migration_history where version = $1 for update")
            .bind(&version)
            .fetch_one(&mut *tx)
            .await?;
    let mut progress = kept.map(|kept| kept.0).unwrap_or_default();
    match keys(&mut tx, &backfill.table, &mut progress, rows).await? {
        Some((account, ids)) => {
            let changed = change(&mut tx, migration, backfill, account, &ids).await?;
            progress.seen += u64::try_from(ids.len()).unwrap_or_default();
            progress.changed += changed;
            progress.changed_in_pass += changed;
            progress.id = ids.last().copied();
        }
        None if progress.changed_in_pass == 0 => progress.done = true,
        None => {
            let pass = progress.pass + 1;
            progress = Progress { pass, account: None, id: None, changed_in_pass: 0, ..progress };
        }
    }
    sqlx::query("update ops.migration_history set backfill = $2 where version = $1")
        .bind(&version)
        .bind(Json(&progress))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(progress)
}

/// Keys of the next rows of the current account, or of the next account with rows; `None` at the end of the table.
async fn keys(
    conn: &mut PgConnection,
    table: &str,
    progress: &mut Progress,
    rows: u32,
) -> Result<Option<(Uuid, Vec<Uuid>)>, sqlx::Error> {
    let of_account = format!(
        "select id from {table} where account_id = $1 and ($2::uuid is null or id > $2) order by id limit $3"
    );
    let next_account = format!(
        "select account_id from {table} where $1::uuid is null or account_id > $1 order by account_id limit 1"
    );
    loop {
        if let Some(account) = progress.account {
            let ids: Vec<(Uuid,)> = sqlx::query_as(AssertSqlSafe(of_account.clone()))
                .bind(account)
                .bind(progress.id)
                .bind(i64::from(rows))
                .persistent(false)
                .fetch_all(&mut *conn)
                .await?;
            if !ids.is_empty() {
                return Ok(Some((account, ids.into_iter().map(|(id,)| id).collect())));
            }
        }
        let next: Option<(Uuid,)> = sqlx::query_as(AssertSqlSafe(next_account.clone()))
            .bind(progress.account)
            .persistent(false)
            .fetch_optional(&mut *conn)
            .await?;
        let Some((account,)) = next else { return Ok(None) };
        (progress.account, progress.id) = (Some(account), None);
    }
}

async fn change(
    conn: &mut PgConnection,
    migration: &Migration,
    backfill: &Backfill,
    account: Uuid,
    ids: &[Uuid],
) -> Result<u64, Error> {
    let text = migration.up.statements.get(backfill.statement).map(|statement| statement.text.clone());
    let update = sqlx::query(AssertSqlSafe(text.unwrap_or_default())).bind(account).bind(ids);
    let changed = update.execute(conn).await?.rows_affected();
    if usize::try_from(changed).is_ok_and(|changed| changed <= ids.len()) {
        return Ok(changed);
    }
    Err(BackfillError::TooMuch { version: migration.version.clone(), changed, batch: ids.len() }.into())
}
