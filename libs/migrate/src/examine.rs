//! The check with which everything ends that changes the catalogue: migrate, rollback and restore.

use serde::Serialize;
use sqlx::{Connection as _, postgres::PgConnectOptions};

use crate::{Breach, Drift, Error, Migrations, catalogue, diff, isolation::breaches_so_far};

/// What a check of the catalogue has found.
#[derive(Debug, Clone, Serialize)]
pub struct Examined {
    /// Ways in which an account could reach another's rows.
    pub breaches: Vec<Breach>,
    /// The catalogue against what the applied migrations give; `None`: there was no server to try them on.
    pub drift: Option<Drift>,
}

impl Examined {
    /// Each problem, in a line of its own; none: all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let breaches = self.breaches.iter().map(ToString::to_string);
        let differences = self.drift.iter().flat_map(|drift| &drift.differences).map(ToString::to_string);
        breaches.chain(differences).collect()
    }
}

/// Asks the rules of isolation in `database`, and compares it with what `migrations` give on `scratch`, an empty database
/// of the same major release. Changes nothing in `database`; `None`: drift is not looked for.
pub async fn examine(
    database: &PgConnectOptions,
    migrations: &Migrations,
    scratch: Option<&PgConnectOptions>,
) -> Result<Examined, Error> {
    let mut conn = catalogue::open(database).await?;
    let breaches = breaches_so_far(&mut conn).await?;
    conn.close().await?;
    let drift = match scratch {
        Some(scratch) => Some(diff(database, migrations, scratch).await?),
        None => None,
    };
    Ok(Examined { breaches, drift })
}
