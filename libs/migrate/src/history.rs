//! `ops.migration_history`: what was done to this database, and how far.

use sqlx::{FromRow, PgConnection};

use crate::{Migration, session::send};

/// One row.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Row {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) state: String,
    pub(crate) statement: i32,
    pub(crate) error_message: Option<String>,
    pub(crate) without_transaction: bool,
}

impl Row {
    /// Whether it is part of the schema now.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.state.as_str(), "applied" | "resolved")
    }

    /// Whether it was begun outside of a transaction and not finished.
    pub(crate) fn broke_off(&self) -> bool {
        self.without_transaction && matches!(self.state.as_str(), "running" | "failed")
    }
}

const TABLE: &str = "
    create table if not exists ops.migration_history (
        version             text        not null primary key,
        name                text        not null,
        description         text        not null,
        checksum            text        not null,
        state               text        not null constraint ck_migration_history_state check (state in ('running', 'applied', 'failed', 'resolved')),
        statement           integer     not null,
        without_transaction boolean     not null,
        success             boolean     not null generated always as (state in ('applied', 'resolved')) stored,
        applied_at          timestamptz not null default now(),
        execution_ms        bigint      not null default 0,
        error_message       text,
        applied_by          text        not null default session_user,
        app_version         text        not null
    )";

/// Makes the table, and lets the service roles read it.
pub(crate) async fn prepare(conn: &mut PgConnection, owner: &str) -> Result<(), sqlx::Error> {
    let (there,): (bool,) = sqlx::query_as("select to_regclass('ops.migration_history') is not null")
        .fetch_one(&mut *conn)
        .await?;
    if there {
        return Ok(());
    }
    send(conn, "begin").await?;
    send(conn, "create schema if not exists ops").await?;
    send(conn, TABLE).await?;
    let (owned,): (bool,) =
        sqlx::query_as("select to_regrole($1) is not null").bind(owner).fetch_one(&mut *conn).await?;
    if owned {
        send(conn, &format!("alter schema ops owner to {owner}")).await?;
        send(conn, &format!("alter table ops.migration_history owner to {owner}")).await?;
    }
    let readers: Vec<(String,)> = sqlx::query_as(
        "select rolname::text from pg_roles where rolname in ('nexo_app', 'nexo_auth', 'nexo_relay')",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (reader,) in readers {
        send(conn, &format!("grant usage on schema ops to {reader}")).await?;
        send(conn, &format!("grant select on ops.migration_history to {reader}")).await?;
    }
    send(conn, "commit").await
}

/// All rows, oldest first; none where there is no table.
pub(crate) async fn read(conn: &mut PgConnection) -> Result<Vec<Row>, sqlx::Error> {
    let (there,): (bool,) = sqlx::query_as("select to_regclass('ops.migration_history') is not null")
        .fetch_one(&mut *conn)
        .await?;
    if !there {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "select version, name, checksum, state, statement, error_message, without_transaction
         from ops.migration_history order by version",
    )
    .fetch_all(conn)
    .await
}

/// What is written about one migration.
pub(crate) struct Note<'m> {
    pub(crate) migration: &'m Migration,
    pub(crate) state: &'static str,
    /// The statement that was reached, from 1.
    pub(crate) statement: usize,
    pub(crate) execution_ms: u128,
    pub(crate) error: Option<String>,
    pub(crate) app_version: &'m str,
}

pub(crate) async fn write(conn: &mut PgConnection, note: Note<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into ops.migration_history
            (version, name, description, checksum, state, statement, without_transaction, execution_ms, error_message, app_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (version) do update set
            checksum = excluded.checksum, state = excluded.state, statement = excluded.statement, applied_at = now(),
            execution_ms = excluded.execution_ms, error_message = excluded.error_message, app_version = excluded.app_version",
    )
    .bind(note.migration.version.to_string())
    .bind(&note.migration.name)
    .bind(&note.migration.description)
    .bind(&note.migration.checksum)
    .bind(note.state)
    .bind(i32::try_from(note.statement).unwrap_or(i32::MAX))
    .bind(note.migration.directives.no_transaction)
    .bind(i64::try_from(note.execution_ms).unwrap_or(i64::MAX))
    .bind(note.error)
    .bind(note.app_version)
    .execute(conn)
    .await
    .map(drop)
}
