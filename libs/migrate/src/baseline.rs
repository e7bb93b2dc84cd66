use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{
    Error, Migrations, RunOptions, Version, catalogue, drift,
    history::{self, HistoryEntry},
    run::lock,
    session::{self, send},
};

/// Creates the history of a database without one, or with one that has nothing applied. Its catalogue must equal that of the migrations up to `version`
/// on `scratch`, an empty database of the same major release. Returns the number of migrations recorded as
/// applied.
pub async fn baseline(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
    scratch: &PgConnectOptions,
    actor: &str,
    settings: &RunOptions,
) -> Result<usize, Error> {
    migrations.find(version).ok_or_else(|| Error::NoSuch(version.clone()))?;
    let adopted = migrations.up_to(version);
    let wanted = drift::expected(scratch, &adopted).await?;
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    let rows = history::read(&mut conn).await?;
    if let Some(row) = rows.iter().rev().find(|row| row.stands()) {
        return Err(Error::HasHistory(row.version.clone()));
    }
    let differences = catalogue::compare(&wanted, &catalogue::snapshot(&mut conn).await?);
    if !differences.is_empty() {
        return Err(Error::Differs { version: version.clone(), differences });
    }
    history::prepare(&mut conn, &settings.owner).await?;
    send(&mut conn, "begin").await?;
    for migration in adopted.iter() {
        let note = HistoryEntry {
            statement: migration.up.statements.len(),
            actor: Some(actor),
            reason: Some("baseline: the catalogue is what this migration gives"),
            ..HistoryEntry::new(migration, "applied", &settings.app_version)
        };
        history::write(&mut conn, note).await?;
    }
    send(&mut conn, "commit").await?;
    conn.close().await?;
    Ok(adopted.iter().count())
}
