use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{
    Decision, Error, Hooks, Migrations, Settings, Version,
    history::Row,
    run::{
        self,
        apply::{Job, Runner},
        inspect::Inspector,
        plan, session,
    },
};

/// Takes back every migration after `to`, newest first, by its `.down.sql`. Refuses before the first if one has none.
pub async fn rollback(
    database: &PgConnectOptions,
    migrations: &Migrations,
    to: &Version,
    hooks: &dyn Hooks,
    decision: Decision<'_>,
    settings: &Settings,
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

/// The scripts to run, newest first.
pub(crate) fn way_back<'m>(
    migrations: &'m Migrations,
    rows: &[Row],
    to: &Version,
) -> Result<Vec<Job<'m>>, Error> {
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
            Ok(Job { script, done: "rolled_back", ..Job::up(migration) })
        })
        .collect()
}
