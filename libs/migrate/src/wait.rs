use std::time::Duration;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep};

use crate::{
    Error, Migrations, Release, history,
    run::{lock::pause, plan},
};

/// Waits until another process has migrated the database to the version of `migrations`. Verifies that the history
/// matches the files, or is compatible with `release`. Needs read access to `ops.migration_history` only.
pub async fn wait(
    database: &PgConnectOptions,
    migrations: &Migrations,
    release: Option<Release>,
    patience: Duration,
) -> Result<(), Error> {
    let end = Instant::now() + patience;
    loop {
        let mut conn = PgConnection::connect_with(database).await?;
        history::verify(&mut conn).await?;
        let history = history::read(&mut conn).await?;
        conn.close().await?;
        let pending = plan::pending(migrations, &history, release)?;
        let (Some(first), Some(wanted)) = (pending.first(), migrations.latest()) else { return Ok(()) };
        if Instant::now() > end {
            let present = format!("{} are to be applied, from {}", pending.len(), first.migration.version);
            return Err(Error::NotReady { wanted: wanted.clone(), present });
        }
        sleep(pause()).await;
    }
}
