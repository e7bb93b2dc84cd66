use std::fmt;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, Migrations, Settings, Stage, Version,
    catalogue::{self, Thing},
    history,
    rollback::way_back,
    run::plan,
};

/// What a rollback would destroy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// `table` or `column`.
    pub kind: String,
    /// Its name, with its schema.
    pub object: String,
    /// Rows of the table; for a column, rows that have a value in it.
    pub rows: i64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} rows", self.kind, self.object, self.rows)
    }
}

/// What going back to `to` would destroy in `database`: found on `scratch`, an empty database of the same major release,
/// and counted in `database`. Refuses down files that do not give back the catalogue of before their migrations.
pub async fn losses(
    database: &PgConnectOptions,
    migrations: &Migrations,
    to: &Version,
    scratch: &PgConnectOptions,
    settings: &Settings,
) -> Result<Vec<Loss>, Error> {
    let mut target = catalogue::open(database).await?;
    history::verify(&mut target).await?;
    let rows = history::read(&mut target).await?;
    plan::pending(migrations, &rows, settings.release())?;
    let jobs = way_back(migrations, &rows, to)?;
    let mut stage = Stage::open(scratch, &migrations.up_to(to)).await?;
    let there: Vec<_> = jobs.iter().rev().map(|job| job.migration).collect();
    let steps = stage.perform_all(&there).await?;
    let before = stage.catalogue().await?;
    for (migration, goal) in there.iter().zip(&steps).rev() {
        stage.take_back(migration, goal).await?;
    }
    let after = stage.catalogue().await?;
    stage.close().await?;
    let mut losses = Vec::new();
    for thing in gone(&before, &after) {
        losses.push(count(&mut target, thing).await?);
    }
    target.close().await?;
    Ok(losses)
}

/// Tables that are gone, and columns that are gone from tables that stay.
fn gone<'t>(before: &'t [Thing], after: &[Thing]) -> Vec<&'t Thing> {
    let stays =
        |kind: &str, object: &str| after.iter().any(|thing| thing.kind == kind && thing.object == object);
    let table_stays =
        |column: &Thing| column.object.rsplit_once('.').is_some_and(|(table, _)| stays("table", table));
    let lost = |thing: &&Thing| match thing.kind.as_str() {
        "table" => !stays("table", &thing.object),
        "column" => table_stays(thing) && !stays("column", &thing.object),
        _ => false,
    };
    before.iter().filter(lost).collect()
}

async fn count(target: &mut PgConnection, thing: &Thing) -> Result<Loss, sqlx::Error> {
    let parts: Vec<String> = thing.object.split('.').map(|part| format!("\"{part}\"")).collect();
    let question = match parts.as_slice() {
        [schema, table] => format!("select count(*) from {schema}.{table}"),
        [schema, table, column] => format!("select count({column}) from {schema}.{table}"),
        _ => "select 0::bigint".to_owned(),
    };
    let (rows,): (i64,) = sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_one(target).await?;
    Ok(Loss { kind: thing.kind.clone(), object: thing.object.clone(), rows })
}
