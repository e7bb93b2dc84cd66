use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{
    Error, Migrations, Settings, Version, catalogue,
    history::{self, Note},
    run::{
        lock,
        session::{self, send},
    },
};

/// Adopts a database that was made without a history: only if its catalogue is what the migrations up to `version` give
/// on `scratch`, an empty database of the same major release. Gives back how many migrations it noted as applied.
pub async fn baseline(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
    scratch: &PgConnectOptions,
    actor: &str,
    settings: &Settings,
) -> Result<usize, Error> {
    migrations.find(version).ok_or_else(|| Error::NoSuch(version.clone()))?;
    let adopted = migrations.up_to(version);
    let wanted = catalogue::expected(scratch, &adopted).await?;
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    if let Some(row) = history::read(&mut conn).await?.last() {
        return Err(Error::HasHistory(row.version.clone()));
    }
    let differences = catalogue::compare(&wanted, &catalogue::snapshot(&mut conn).await?);
    if !differences.is_empty() {
        return Err(Error::Differs { version: version.clone(), differences });
    }
    history::prepare(&mut conn, &settings.owner).await?;
    send(&mut conn, "begin").await?;
    for migration in adopted.iter() {
        let note = Note {
            statement: migration.up.statements.len(),
            actor: Some(actor),
            reason: Some("baseline: the catalogue is what this migration gives"),
            ..Note::of(migration, "applied", &settings.app_version)
        };
        history::write(&mut conn, note).await?;
    }
    send(&mut conn, "commit").await?;
    conn.close().await?;
    Ok(adopted.iter().count())
}
