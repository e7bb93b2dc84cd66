use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{
    Error, Hooks, Migrations, ResolvedBy, RunOptions, Version,
    history::HistoryRow,
    run::{self, inspect::Inspector, plan, planned::PlannedScript, runner::Runner},
    session,
};

/// Reverts all migrations after `to`, newest first, by their `.down.sql`. Fails before the first one if a down
/// file is missing.
pub async fn rollback(
    database: &PgConnectOptions,
    migrations: &Migrations,
    to: &Version,
    hooks: &dyn Hooks,
    decision: ResolvedBy<'_>,
    settings: &RunOptions,
) -> Result<Vec<Version>, Error> {
    let (mut conn, rows) = run::enter(database, settings).await?;
    plan::pending(migrations, &rows, settings.release())?;
    let mut jobs = way_back(migrations, &rows, to)?;
    let undone: Vec<_> = jobs.iter().map(|job| job.migration).collect();
    let stage = "nothing was taken back";
    let hooked = hooks.before(database, &undone).await;
    let taken = hooked.map_err(|source| Error::Hook { stage, source })?;
    for job in &mut jobs {
        job.backup = taken.as_ref().map(|taken| taken.restore.as_str());
        (job.actor, job.reason) = (Some(decision.actor), Some(decision.reason));
    }
    let inspector = Inspector::of_used(&mut conn).await?;
    let observer = session::observer(database).await?;
    let mut runner = Runner::new(conn, observer, inspector, settings).await?;
    for job in &jobs {
        runner.apply(*job).await?;
    }
    let conn = runner.leave().await;
    let stage = "the migrations are taken back, but what was to follow failed";
    let hooked = hooks.after(database, &undone).await;
    hooked.map_err(|source| Error::Hook { stage, source })?;
    conn.close().await?;
    Ok(undone.iter().map(|migration| migration.version.clone()).collect())
}

/// Down scripts to run, newest first.
pub(crate) fn way_back<'m>(
    migrations: &'m Migrations,
    rows: &[HistoryRow],
    to: &Version,
) -> Result<Vec<PlannedScript<'m>>, Error> {
    if !plan::stands(rows, to) {
        return Err(Error::NoSuch(to.clone()));
    }
    let last = to.to_string();
    let later = rows.iter().rev().filter(|row| row.stands() && row.version > last);
    later
        .map(|row| {
            let migration = row.version.parse().ok().and_then(|version| migrations.find(&version));
            let down = migration.and_then(|migration| Some((migration, migration.down.as_ref()?)));
            let (migration, script) =
                down.ok_or_else(|| Error::NoWayBack { file: row.file(), backup: row.backup.clone() })?;
            Ok(PlannedScript { script, done: "rolled_back", ..PlannedScript::up(migration) })
        })
        .collect()
}
