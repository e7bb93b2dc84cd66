//! Final check of every command that changes the catalogue: migrate, rollback and restore.

use serde::Serialize;
use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{Breach, Drift, Error, Migrations, catalogue, diff, isolation::breaches_so_far};

/// Result of a check of the catalogue.
#[derive(Debug, Clone, Serialize)]
pub struct Examination {
    /// Breaches of tenant isolation.
    pub breaches: Vec<Breach>,
    /// Comparison with the applied migrations; `None` if there was no scratch server.
    pub drift: Option<Drift>,
}

impl Examination {
    /// Problems, one per line; empty if there are none.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let breaches = self.breaches.iter().map(ToString::to_string);
        let differences = self.drift.iter().flat_map(|drift| &drift.differences).map(ToString::to_string);
        breaches.chain(differences).collect()
    }
}

/// Checks the isolation rules in `database`, and compares it with the result of `migrations` on `scratch`, an
/// empty database of the same major release. Without `scratch`, drift is not checked. Changes nothing in
/// `database`.
pub async fn examine(
    database: &PgConnectOptions,
    migrations: &Migrations,
    scratch: Option<&PgConnectOptions>,
) -> Result<Examination, Error> {
    let mut conn = catalogue::open(database).await?;
    let breaches = breaches_so_far(&mut conn).await?;
    conn.close().await?;
    let drift = match scratch {
        Some(scratch) => Some(diff(database, migrations, scratch).await?),
        None => None,
    };
    Ok(Examination { breaches, drift })
}
