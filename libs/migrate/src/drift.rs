//! Comparison of a live catalogue with that of the applied migrations.

use serde::Serialize;
use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{
    CatalogObject, Difference, Error, Migrations, Version,
    catalogue::{compare, fingerprint, open, snapshot},
    history,
    run::migrate_scratch,
};

/// Comparison of the live catalogue with the expected one.
#[derive(Debug, Clone, Serialize)]
pub struct Drift {
    /// Newest applied migration that was considered.
    pub version: Option<Version>,
    /// SHA-256 over the live catalogue, in hex.
    pub fingerprint: String,
    /// Differences between live and expected catalogue.
    pub differences: Vec<Difference>,
}

/// Compares `database` with the result of its applied migrations on `scratch`, an empty database of the same major
/// release.
pub async fn diff(
    database: &PgConnectOptions,
    migrations: &Migrations,
    scratch: &PgConnectOptions,
) -> Result<Drift, Error> {
    let mut conn = open(database).await?;
    let found = snapshot(&mut conn).await?;
    let rows = history::read(&mut conn).await?;
    conn.close().await?;
    let version = rows.iter().filter(|row| row.stands()).filter_map(|row| row.version.parse().ok()).max();
    let wanted = match &version {
        Some(version) => expected(scratch, &migrations.up_to(version)).await?,
        None => Vec::new(),
    };
    Ok(Drift { version, fingerprint: fingerprint(&found), differences: compare(&wanted, &found) })
}

/// Reads the catalogue of a live database.
pub async fn objects(database: &PgConnectOptions) -> Result<Vec<CatalogObject>, Error> {
    let mut conn = open(database).await?;
    let things = snapshot(&mut conn).await?;
    conn.close().await?;
    Ok(things)
}

/// Catalogue that `migrations` create in an empty database.
pub(crate) async fn expected(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
) -> Result<Vec<CatalogObject>, Error> {
    migrate_scratch(scratch, migrations).await.map_err(|failed| match failed {
        Error::Statement(failed) => Error::Incomparable(failed.cause()),
        other => other,
    })?;
    objects(scratch).await
}
