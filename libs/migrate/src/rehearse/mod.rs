//! A dry run: the pending files on a scratch copy of the schema, and what each statement locks, rewrites and scans
//! there. The target is asked for nothing but the sizes of its tables.

mod trace;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

pub use trace::{Lock, Trace};

use crate::{
    Error, Listener, Migrations, NoHooks, Script, Settings, Version, catalogue,
    file::Manner,
    history, migrate,
    run::{
        apply::{ask, failed},
        plan,
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
    /// As the planner estimates.
    pub rows: i64,
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
    let scripts: Vec<_> = jobs
        .iter()
        .map(|job| (job.migration.version.clone(), job.script))
        .filter(|(version, _)| within(version))
        .collect();
    let newest = rows.iter().filter(|row| row.stands()).filter_map(|row| row.version.parse().ok()).max();
    let mut rehearsed = perform(scratch, migrations, newest.as_ref(), &scripts).await?;
    for step in rehearsed.iter_mut().flat_map(|file| &mut file.statements) {
        step.sizes = sizes(&mut target, step.trace.tables()).await?;
    }
    target.close().await?;
    Ok(rehearsed)
}

/// Performs `scripts` on `scratch` after the migrations up to `applied`, and traces them.
pub(crate) async fn perform(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
    applied: Option<&Version>,
    scripts: &[(Version, &Script)],
) -> Result<Vec<Rehearsed>, Error> {
    let settings = Settings { listener: Listener::new(|_| {}), ..Settings::default() };
    let before = applied.map_or_else(|| Migrations::of([]), |version| Ok(migrations.up_to(version)))?;
    migrate(scratch, &before, &NoHooks, &settings).await?;
    let mut conn = session::open(scratch).await?;
    let mut all = Vec::new();
    for (version, script) in scripts {
        let tables = trace::tables(&mut conn).await?;
        let mut statements = Vec::new();
        if !script.directives.no_transaction {
            send(&mut conn, "begin").await?;
        }
        for at in 0..script.statements.len() {
            statements.push(step(&mut conn, script, at, &tables).await?);
        }
        send(&mut conn, "commit").await?;
        all.push(Rehearsed {
            version: version.clone(),
            file: script.file.clone(),
            without_transaction: script.directives.no_transaction,
            statements,
        });
    }
    conn.close().await?;
    Ok(all)
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
        send(conn, &statement.text).await.map_err(|source| failed(script, at, source, None))?;
        trace::outside(&manner)
    } else {
        if alone {
            send(conn, "begin").await?;
        }
        let before = trace::look(conn, tables).await?;
        send(conn, &statement.text).await.map_err(|source| failed(script, at, source, None))?;
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
        "select wanted as table, pg_total_relation_size(c.oid) as bytes, greatest(c.reltuples, 0)::bigint as rows
         from unnest($1) as wanted join pg_class c on c.oid = to_regclass(wanted)",
    )
    .bind(tables)
    .fetch_all(target)
    .await
}
