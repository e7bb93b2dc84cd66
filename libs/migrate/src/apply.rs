//! One file, from its first statement to its row in the history.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    Error, Migration, Settings,
    history::{Note, write},
    lock::pause,
    session::send,
};

pub(crate) async fn apply(
    conn: &mut PgConnection,
    migration: &Migration,
    settings: &Settings,
) -> Result<(), Error> {
    let start = Instant::now();
    let wait = migration.directives.lock_timeout.unwrap_or(settings.lock_timeout);
    send(conn, &format!("set lock_timeout = {}", wait.as_millis())).await?;
    if migration.directives.no_transaction {
        alone(conn, migration, settings, start).await?;
    } else {
        together(conn, migration, settings, start).await?;
    }
    let duration_ms = start.elapsed().as_millis();
    tracing::info!(migration.file = migration.file(), duration_ms, "applied");
    Ok(())
}

/// In one transaction; tried again when a lock could not be had in time, so that no reader queues behind us for long.
async fn together(
    conn: &mut PgConnection,
    migration: &Migration,
    settings: &Settings,
    start: Instant,
) -> Result<(), Error> {
    for attempt in 1.. {
        let failed = match whole(conn, migration, settings, start).await {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        send(conn, "rollback").await?;
        if !waited_for_a_lock(&failed) || attempt >= settings.attempts {
            let statement = if let Error::Statement { statement, .. } = &failed { *statement } else { 0 };
            note(conn, migration, settings, start, "failed", statement, Some(&failed)).await?;
            return Err(failed);
        }
        tracing::warn!(
            migration.file = migration.file(),
            attempt,
            error = &failed as &dyn std::error::Error,
            "trying again"
        );
        tokio::time::sleep(pause() * attempt.min(20)).await;
    }
    Ok(())
}

async fn whole(
    conn: &mut PgConnection,
    migration: &Migration,
    settings: &Settings,
    start: Instant,
) -> Result<(), Error> {
    send(conn, "begin").await?;
    for at in 0..migration.statements.len() {
        step(conn, migration, at).await?;
    }
    hand_over(conn, settings).await?;
    note(conn, migration, settings, start, "applied", migration.statements.len(), None).await?;
    Ok(send(conn, "commit").await?)
}

/// Statement by statement; the history tells how far it came if we are killed.
async fn alone(
    conn: &mut PgConnection,
    migration: &Migration,
    settings: &Settings,
    start: Instant,
) -> Result<(), Error> {
    for at in 0..migration.statements.len() {
        note(conn, migration, settings, start, "running", at + 1, None).await?;
        if let Err(failed) = step(conn, migration, at).await {
            note(conn, migration, settings, start, "failed", at + 1, Some(&failed)).await?;
            return Err(failed);
        }
    }
    hand_over(conn, settings).await?;
    Ok(note(conn, migration, settings, start, "applied", migration.statements.len(), None).await?)
}

async fn step(conn: &mut PgConnection, migration: &Migration, at: usize) -> Result<(), Error> {
    let Some(statement) = migration.statements.get(at) else { return Ok(()) };
    let failed =
        |source| Error::Statement { file: migration.file(), line: statement.line, statement: at + 1, source };
    if migration.directives.verify_from.is_none_or(|from| at < from) {
        return send(conn, &statement.text).await.map_err(failed);
    }
    let question = sqlx::query_as(AssertSqlSafe(statement.text.clone())).persistent(false);
    let answers: Vec<(Option<bool>,)> = question.fetch_all(conn).await.map_err(failed)?;
    if answers.is_empty() || answers.iter().any(|(answer,)| *answer != Some(true)) {
        return Err(Error::NotTrue {
            file: migration.file(),
            line: statement.line,
            question: statement.text.clone(),
        });
    }
    Ok(())
}

/// What a migration makes belongs to the owner, whom nobody logs in as.
async fn hand_over(conn: &mut PgConnection, settings: &Settings) -> Result<(), sqlx::Error> {
    let (needed,): (bool,) = sqlx::query_as(
        "select not rolsuper and rolname <> $1 and to_regrole($1) is not null from pg_roles where rolname = current_user",
    )
    .bind(&settings.owner)
    .fetch_one(&mut *conn)
    .await?;
    if needed {
        send(conn, &format!("reassign owned by current_user to {}", settings.owner)).await?;
    }
    Ok(())
}

async fn note(
    conn: &mut PgConnection,
    migration: &Migration,
    settings: &Settings,
    start: Instant,
    state: &'static str,
    statement: usize,
    error: Option<&Error>,
) -> Result<(), sqlx::Error> {
    let execution_ms = Duration::as_millis(&start.elapsed());
    let (error, app_version) = (error.map(ToString::to_string), settings.app_version.as_str());
    write(conn, Note { migration, state, statement, execution_ms, error, app_version }).await
}

/// SQLSTATE 55P03, `lock_not_available`.
fn waited_for_a_lock(error: &Error) -> bool {
    let Error::Statement { source, .. } = error else { return false };
    source.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55P03")
}
