//! Dry run: applies pending files to a scratch copy of the schema, and reports locks, rewrites and scans of each
//! statement. Only table sizes are read from the target.

mod trace;
mod way_back;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

pub use trace::{Lock, LockTrace};

use crate::{
    Error, Migration, Migrations, RunOptions, Script, Version, catalogue,
    file::ExecutionMode,
    history,
    run::{
        migrate_scratch, plan,
        statement::{ask, failed},
    },
    session::{self, send},
};

/// Result of a dry run of one file.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    /// Version of the migration.
    pub version: Version,
    /// Name of the migration file.
    pub file: String,
    /// Whether it runs statement by statement, without a transaction.
    pub without_transaction: bool,
    /// Whether the down file was tested as well: down and up again.
    pub tried_back: bool,
    /// Effects of each statement.
    pub statements: Vec<StatementEffect>,
}

/// Effects of one statement in a dry run.
#[derive(Debug, Clone, Serialize)]
pub struct StatementEffect {
    /// Line of the file at which it begins.
    pub line: usize,
    /// Complete text of the statement.
    pub text: String,
    /// Effects on tables that existed before the file.
    pub trace: LockTrace,
    /// Sizes of these tables in the target.
    pub sizes: Vec<TableSize>,
}

/// Size of a table in the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TableSize {
    /// Qualified name of the table.
    pub table: String,
    /// Size in bytes, including indexes.
    pub bytes: i64,
    /// Row estimate of the planner; `None` if the table was never analyzed.
    pub rows: Option<i64>,
}

/// Applies what is pending in `database` to `scratch`, an empty database of the same major release.
pub async fn dry_run(
    database: &PgConnectOptions,
    migrations: &Migrations,
    scratch: &PgConnectOptions,
    settings: &RunOptions,
) -> Result<Vec<DryRun>, Error> {
    let mut target = catalogue::open(database).await?;
    history::verify(&mut target).await?;
    let rows = history::read(&mut target).await?;
    let jobs = plan::pending(migrations, &rows, settings.release())?;
    let within = |version: &Version| settings.to.as_ref().is_none_or(|to| version <= to);
    let pending: Vec<_> =
        jobs.iter().map(|job| job.migration).filter(|migration| within(&migration.version)).collect();
    let newest = rows.iter().filter(|row| row.stands()).filter_map(|row| row.version.parse().ok()).max();
    let mut rehearsed = perform(scratch, migrations, newest.as_ref(), &pending).await?;
    for step in rehearsed.iter_mut().flat_map(|file| &mut file.statements) {
        step.sizes = sizes(&mut target, step.trace.tables()).await?;
    }
    target.close().await?;
    Ok(rehearsed)
}

/// Applies `pending` to `scratch`, after the migrations up to `applied`, and traces the statements.
async fn perform(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
    applied: Option<&Version>,
    pending: &[&Migration],
) -> Result<Vec<DryRun>, Error> {
    let before =
        applied.map_or_else(|| Migrations::from_files([]), |version| Ok(migrations.up_to(version)))?;
    let mut stage = ScratchDatabase::open(scratch, &before).await?;
    let mut all = Vec::new();
    for migration in pending {
        let before = stage.catalogue().await?;
        let rehearsed = stage.perform(&migration.version, &migration.up).await?;
        stage.back_and_again(migration, &before).await?;
        all.push(DryRun { tried_back: migration.down.is_some(), ..rehearsed });
    }
    stage.close().await?;
    Ok(all)
}

/// A scratch database for running scripts one after another.
#[derive(Debug)]
pub struct ScratchDatabase(PgConnection);

impl ScratchDatabase {
    /// Opens an empty database and applies these migrations to it.
    pub async fn open(scratch: &PgConnectOptions, before: &Migrations) -> Result<Self, Error> {
        migrate_scratch(scratch, before).await?;
        Ok(Self(session::open(scratch).await?))
    }

    /// Runs a script and traces it. A failed script is rolled back.
    pub async fn perform(&mut self, version: &Version, script: &Script) -> Result<DryRun, Error> {
        let tables = trace::tables(&mut self.0).await?;
        let mut statements = Vec::new();
        if !script.directives.no_transaction {
            send(&mut self.0, "begin").await?;
        }
        for at in 0..script.statements.len() {
            match step(&mut self.0, script, at, &tables).await {
                Ok(step) => statements.push(step),
                Err(refused) => {
                    send(&mut self.0, "rollback").await?; // also harmless without a transaction
                    return Err(refused);
                }
            }
        }
        send(&mut self.0, "reassign owned by current_user to nexo_owner").await?;
        if !script.directives.no_transaction {
            send(&mut self.0, "commit").await?;
        }
        let (version, file) = (version.clone(), script.file.clone());
        let without_transaction = script.directives.no_transaction;
        Ok(DryRun { version, file, without_transaction, tried_back: false, statements })
    }

    /// Connection on which everything was run.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Closes the connection; the database stays.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.0.close().await?)
    }
}

async fn step(
    conn: &mut PgConnection,
    script: &Script,
    at: usize,
    tables: &trace::Tables,
) -> Result<StatementEffect, Error> {
    let Some(statement) = script.statements.get(at) else { return Err(Error::Sql(sqlx::Error::RowNotFound)) };
    let manner = ExecutionMode::from_statement(statement).unwrap_or(ExecutionMode::Unknown);
    let alone = script.directives.no_transaction;
    let trace = if script.is_backfill(at) || script.is_question(at) {
        if script.is_question(at) && !alone {
            // On an empty copy the result means little, but the query must at least be valid.
            let asked = ask(conn, script, at).await;
            asked.or_else(
                |refused| if matches!(refused, Error::NotTrue { .. }) { Ok(()) } else { Err(refused) },
            )?;
        }
        LockTrace::default()
    } else if alone && manner != ExecutionMode::Transaction {
        send(conn, &statement.text).await.map_err(|refusal| failed(script, at, refusal, None))?;
        trace::outside(&manner)
    } else {
        if alone {
            send(conn, "begin").await?;
        }
        let before = trace::look(conn, tables).await?;
        send(conn, &statement.text).await.map_err(|refusal| failed(script, at, refusal, None))?;
        let after = trace::look(conn, tables).await?;
        if alone {
            send(conn, "commit").await?;
        }
        before.until(&after)
    };
    Ok(StatementEffect { line: statement.line, text: statement.text.clone(), trace, sizes: Vec::new() })
}

async fn sizes(target: &mut PgConnection, tables: Vec<String>) -> Result<Vec<TableSize>, sqlx::Error> {
    sqlx::query_as(
        "select wanted as table, pg_total_relation_size(c.oid) as bytes, case when c.reltuples >= 0 then c.reltuples::bigint end as rows
         from unnest($1) as wanted join pg_class c on c.oid = to_regclass(wanted)",
    )
    .bind(tables)
    .fetch_all(target)
    .await
}
