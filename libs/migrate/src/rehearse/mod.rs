//! A dry run: the pending files on a scratch copy of the schema, and what each statement locks, rewrites and scans
//! there. The target is asked for nothing but the sizes of its tables.

mod trace;
mod way_back;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

pub use trace::{Lock, Trace};

use crate::{
    Error, Migration, Migrations, Script, Settings, Version, catalogue,
    file::Manner,
    history,
    run::{
        apply::{ask, failed},
        migrate_scratch, plan,
        session::{self, send},
    },
};

/// One file, rehearsed.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsed {
    /// Its version.
    pub version: Version,
    /// The file's name.
    pub file: String,
    /// Whether it runs statement by statement.
    pub without_transaction: bool,
    /// Whether its down file was tried as well: back, and there again.
    pub tried_back: bool,
    /// What each statement does.
    pub statements: Vec<Step>,
}

/// One statement, rehearsed.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Where it begins in the file.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// What it does to tables that were there before its file.
    pub trace: Trace,
    /// How large these are in the target.
    pub sizes: Vec<Size>,
}

/// A table of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Size {
    /// Its name, with its schema.
    pub table: String,
    /// With its indexes.
    pub bytes: i64,
    /// As the planner estimates; `None`: the table was never analysed.
    pub rows: Option<i64>,
}

/// Rehearses what is pending in `database` on `scratch`, an empty database of the same major release.
pub async fn rehearse(
    database: &PgConnectOptions,
    migrations: &Migrations,
    scratch: &PgConnectOptions,
    settings: &Settings,
) -> Result<Vec<Rehearsed>, Error> {
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

/// Performs `pending` on `scratch` after the migrations up to `applied`, and traces them.
async fn perform(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
    applied: Option<&Version>,
    pending: &[&Migration],
) -> Result<Vec<Rehearsed>, Error> {
    let before = applied.map_or_else(|| Migrations::of([]), |version| Ok(migrations.up_to(version)))?;
    let mut stage = Stage::open(scratch, &before).await?;
    let mut all = Vec::new();
    for migration in pending {
        let before = stage.catalogue().await?;
        let rehearsed = stage.perform(&migration.version, &migration.up).await?;
        stage.back_and_again(migration, &before).await?;
        all.push(Rehearsed { tried_back: migration.down.is_some(), ..rehearsed });
    }
    stage.close().await?;
    Ok(all)
}

/// A scratch database, on which scripts are performed one after another.
#[derive(Debug)]
pub struct Stage(PgConnection);

impl Stage {
    /// On an empty database: with these migrations applied.
    pub async fn open(scratch: &PgConnectOptions, before: &Migrations) -> Result<Self, Error> {
        migrate_scratch(scratch, before).await?;
        Ok(Self(session::open(scratch).await?))
    }

    /// Performs a script, and traces it. What the server refuses is undone.
    pub async fn perform(&mut self, version: &Version, script: &Script) -> Result<Rehearsed, Error> {
        let tables = trace::tables(&mut self.0).await?;
        let mut statements = Vec::new();
        if !script.directives.no_transaction {
            send(&mut self.0, "begin").await?;
        }
        for at in 0..script.statements.len() {
            match step(&mut self.0, script, at, &tables).await {
                Ok(step) => statements.push(step),
                Err(refused) => {
                    send(&mut self.0, "rollback").await?; // a file without transaction may be in one as well
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
        Ok(Rehearsed { version, file, without_transaction, tried_back: false, statements })
    }

    /// The connection that everything was performed on.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Ends the connection; the database stays as it is.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.0.close().await?)
    }
}

async fn step(
    conn: &mut PgConnection,
    script: &Script,
    at: usize,
    tables: &trace::Tables,
) -> Result<Step, Error> {
    let Some(statement) = script.statements.get(at) else { return Err(Error::Sql(sqlx::Error::RowNotFound)) };
    let manner = Manner::of(statement).unwrap_or(Manner::Unknown);
    let alone = script.directives.no_transaction;
    let trace = if script.is_backfill(at) || script.is_question(at) {
        if script.is_question(at) && !alone {
            // On an empty copy an answer says little, but the question must be one that can be asked.
            let asked = ask(conn, script, at).await;
            asked.or_else(
                |refused| if matches!(refused, Error::NotTrue { .. }) { Ok(()) } else { Err(refused) },
            )?;
        }
        Trace::default()
    } else if alone && manner != Manner::Transaction {
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
    Ok(Step { line: statement.line, text: statement.text.clone(), trace, sizes: Vec::new() })
}

async fn sizes(target: &mut PgConnection, tables: Vec<String>) -> Result<Vec<Size>, sqlx::Error> {
    sqlx::query_as(
        "select wanted as table, pg_total_relation_size(c.oid) as bytes, case when c.reltuples >= 0 then c.reltuples::bigint end as rows
         from unnest($1) as wanted join pg_class c on c.oid = to_regclass(wanted)",
    )
    .bind(tables)
    .fetch_all(target)
    .await
}
