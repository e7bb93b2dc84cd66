use std::fmt;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, Migrations, RunOptions, ScratchDatabase, Version,
    catalogue::{self, CatalogObject},
    history,
    rollback::way_back,
    run::plan,
};

/// Data that a rollback would destroy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataLoss {
    /// Kind of object: `table` or `column`.
    pub kind: String,
    /// Qualified name of the object.
    pub object: String,
    /// Number of rows of the table, or of rows with a value in the column.
    pub rows: i64,
}

impl fmt::Display for DataLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} rows", self.kind, self.object, self.rows)
    }
}

/// Determines what a rollback to `to` would destroy in `database`: found on `scratch`, an empty database of the
/// same major release, and counted in `database`. Fails if a down file does not restore the previous catalogue.
pub async fn losses(
    database: &PgConnectOptions,
    migrations: &Migrations,
    to: &Version,
    scratch: &PgConnectOptions,
    settings: &RunOptions,
) -> Result<Vec<DataLoss>, Error> {
    let mut target = catalogue::open(database).await?;
    history::verify(&mut target).await?;
    let rows = history::read(&mut target).await?;
    plan::pending(migrations, &rows, settings.release())?;
    let jobs = way_back(migrations, &rows, to)?;
    let mut stage = ScratchDatabase::open(scratch, &migrations.up_to(to)).await?;
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

/// Dropped tables, and dropped columns of remaining tables.
fn gone<'t>(before: &'t [CatalogObject], after: &[CatalogObject]) -> Vec<&'t CatalogObject> {
    let stays =
        |kind: &str, object: &str| after.iter().any(|thing| thing.kind == kind && thing.object == object);
    let table_stays = |column: &CatalogObject| {
        column.object.rsplit_once('.').is_some_and(|(table, _)| stays("table", table))
    };
    let lost = |thing: &&CatalogObject| match thing.kind.as_str() {
        "table" => !stays("table", &thing.object),
        "column" => table_stays(thing) && !stays("column", &thing.object),
        _ => false,
    };
    before.iter().filter(lost).collect()
}

async fn count(target: &mut PgConnection, thing: &CatalogObject) -> Result<DataLoss, sqlx::Error> {
    let parts: Vec<String> = thing.object.split('.').map(|part| format!("\"{part}\"")).collect();
    let question = match parts.as_slice() {
        [schema, table] => format!("select count(*) from {schema}.{table}"),
        [schema, table, column] => format!("select count({column}) from {schema}.{table}"),
        _ => "select 0::bigint".to_owned(),
    };
    let (rows,): (i64,) = sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_one(target).await?;
    Ok(DataLoss { kind: thing.kind.clone(), object: thing.object.clone(), rows })
}
