//! Migration history in `ops.migration_history`: state and progress of each migration.

mod chain;
mod progress;

use sqlx::{FromRow, PgConnection, types::Json};

pub(crate) use chain::{link, verify};
pub use progress::Progress;

use crate::{Error, HistoryError, Migration, file::split, session::send};

const TABLE: &str = include_str!("table.sql");

/// A row of the history.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct HistoryRow {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) state: String,
    pub(crate) statement: i32,
    pub(crate) error_message: Option<String>,
    pub(crate) without_transaction: bool,
    pub(crate) app_version: String,
    pub(crate) min_app: Option<String>,
    pub(crate) backup: Option<String>,
    pub(crate) actor: Option<String>,
    #[sqlx(rename = "because")]
    pub(crate) reason: Option<String>,
    pub(crate) backfill: Option<Json<Progress>>,
}

impl HistoryRow {
    /// Whether the migration is part of the present schema.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.state.as_str(), "applied" | "resolved")
    }

    /// Name of the file when it was applied.
    pub(crate) fn file(&self) -> String {
        format!("{}_{}.sql", self.version, self.name)
    }

    /// Whether it was started, and neither completed nor reverted.
    pub(crate) fn is_unsettled(&self) -> bool {
        matches!(self.state.as_str(), "running" | "failed")
    }

    /// Whether it was started without a transaction and not completed.
    pub(crate) fn broke_off(&self) -> bool {
        self.without_transaction && self.is_unsettled()
    }

    /// Whether its process was killed without recording a result.
    pub(crate) fn was_cut(&self) -> bool {
        self.state == "running"
    }

    /// Index of the statement that was reached, from 0.
    pub(crate) fn reached(&self) -> usize {
        usize::try_from(self.statement).unwrap_or_default().saturating_sub(1)
    }
}

/// Fails if the schema exists without a migration that could have created it. Must precede [`prepare`], which would
/// leave a history.
pub(crate) async fn insist_adopted(conn: &mut PgConnection) -> Result<(), Error> {
    const HAS_SCHEMA: &str =
        "select to_regnamespace('app') is not null, to_regclass('ops.migration_history') is not null";
    const IS_BEGUN: &str = "select exists (select from ops.migration_history
        where state in ('applied', 'resolved') or without_transaction and state in ('running', 'failed'))";
    let (schema, table): (bool, bool) = sqlx::query_as(HAS_SCHEMA).fetch_one(&mut *conn).await?;
    let begun = if table { sqlx::query_as(IS_BEGUN).fetch_one(conn).await? } else { (false,) };
    if schema && !begun.0 { Err(HistoryError::NotAdopted.into()) } else { Ok(()) }
}

/// Creates or updates the table, and grants the service roles read access.
pub(crate) async fn prepare(conn: &mut PgConnection, owner: &str) -> Result<(), sqlx::Error> {
    if is_there(conn).await? {
        return Ok(());
    }
    send(conn, "begin").await?;
    send(conn, "create schema if not exists ops").await?;
    for statement in split(TABLE).unwrap_or_default() {
        send(conn, &statement.text).await?;
    }
    let (owned,): (bool,) =
        sqlx::query_as("select to_regrole($1) is not null").bind(owner).fetch_one(&mut *conn).await?;
    if owned {
        send(conn, &format!("alter schema ops owner to {owner}")).await?;
        send(conn, &format!("alter table ops.migration_history owner to {owner}")).await?;
    }
    let readers: Vec<(String,)> = sqlx::query_as(
        "select rolname::text from pg_roles where rolname in ('nexo_app', 'nexo_auth', 'nexo_relay', 'nexo_backup')",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (reader,) in readers {
        send(conn, &format!("grant usage on schema ops to {reader}")).await?;
        send(conn, &format!("grant select on ops.migration_history to {reader}")).await?;
    }
    link(conn).await?;
    send(conn, "commit").await
}

/// Whether the table exists with all of its columns.
async fn is_there(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let (there,): (bool,) = sqlx::query_as(
        "select exists (select from pg_attribute
         where attrelid = to_regclass('ops.migration_history') and attname = 'backfill')",
    )
    .fetch_one(conn)
    .await?;
    Ok(there)
}

/// Reads all rows, oldest first; empty if there is no table.
pub(crate) async fn read(conn: &mut PgConnection) -> Result<Vec<HistoryRow>, sqlx::Error> {
    if !is_there(conn).await? {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "select version, name, checksum, state, statement, error_message, without_transaction, app_version, min_app, backup, actor, because, backfill
         from ops.migration_history order by version",
    )
    .fetch_all(conn)
    .await
}

/// A history entry to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistoryEntry<'m> {
    pub(crate) migration: &'m Migration,
    pub(crate) state: &'static str,
    /// Number of the statement that was reached, from 1.
    pub(crate) statement: usize,
    pub(crate) execution_ms: u128,
    pub(crate) error: Option<&'m str>,
    pub(crate) app_version: &'m str,
    /// Command that restores the backup from before.
    pub(crate) backup: Option<&'m str>,
    /// Operator and reason, for manual decisions.
    pub(crate) actor: Option<&'m str>,
    pub(crate) reason: Option<&'m str>,
}

impl<'m> HistoryEntry<'m> {
    /// Entry with this state, as of now.
    pub(crate) fn new(migration: &'m Migration, state: &'static str, app_version: &'m str) -> Self {
        let (statement, execution_ms) = (0, 0);
        let (error, backup, actor, reason) = (None, None, None, None);
        Self { migration, state, statement, execution_ms, error, app_version, backup, actor, reason }
    }
}

pub(crate) async fn write(conn: &mut PgConnection, note: HistoryEntry<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into ops.migration_history
            (version, name, description, checksum, state, statement, without_transaction, execution_ms, error_message,
             app_version, min_app, backup, actor, because)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (version) do update set
            name = excluded.name, description = excluded.description, checksum = excluded.checksum, state = excluded.state,
            statement = excluded.statement, without_transaction = excluded.without_transaction, applied_at = now(),
            execution_ms = excluded.execution_ms, error_message = excluded.error_message, applied_by = session_user,
            app_version = excluded.app_version, min_app = excluded.min_app,
            backup = coalesce(excluded.backup, migration_history.backup), actor = excluded.actor, because = excluded.because",
    )
    .bind(note.migration.version.to_string())
    .bind(&note.migration.name)
    .bind(&note.migration.description)
    .bind(&note.migration.checksum)
    .bind(note.state)
    .bind(i32::try_from(note.statement).unwrap_or(i32::MAX))
    .bind(note.migration.up.directives.no_transaction)
    .bind(i64::try_from(note.execution_ms).unwrap_or(i64::MAX))
    .bind(note.error)
    .bind(note.app_version)
    .bind(note.migration.up.directives.min_app.map(|release| release.to_string()))
    .bind(note.backup)
    .bind(note.actor)
    .bind(note.reason)
    .execute(&mut *conn)
    .await?;
    link(conn).await
}

/// Marks a migration as rolled back whose file is gone.
pub(crate) async fn write_rolled_back(
    conn: &mut PgConnection,
    row: &HistoryRow,
    app_version: &str,
    actor: &str,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update ops.migration_history set state = 'rolled_back', applied_at = now(), applied_by = session_user,
            error_message = null, app_version = $2, actor = $3, because = $4 where version = $1",
    )
    .bind(&row.version)
    .bind(app_version)
    .bind(actor)
    .bind(reason)
    .execute(&mut *conn)
    .await?;
    link(conn).await
}
