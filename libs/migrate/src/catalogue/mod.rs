//! What a database is made of, as lines that can be compared: live against what the migrations give.

mod chain;

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::digest;
use chain::flattened;
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, FromRow, PgConnection, postgres::PgConnectOptions};

use crate::{Error, Migrations, Version, history, run::migrate_scratch};

const SNAPSHOT: &str = include_str!("snapshot.sql");

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Thing {
    /// `table`, `column`, `policy`, …
    pub kind: String,
    /// Its name, with its schema.
    pub object: String,
    /// All that makes it what it is.
    pub definition: String,
}

/// One object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `table`, `column`, `policy`, …
    pub kind: String,
    /// Its name, with its schema.
    pub object: String,
    /// As the migrations give it; `None`: they do not.
    pub wanted: Option<String>,
    /// As it is; `None`: it is not there.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, object, wanted, found } = self;
        match (wanted, found) {
            (Some(wanted), None) => write!(f, "- {kind} {object} is missing: {wanted}"),
            (None, Some(found)) => write!(f, "+ {kind} {object} is in no migration: {found}"),
            _ => {
                let (wanted, found) = (wanted.as_deref().unwrap_or(""), found.as_deref().unwrap_or(""));
                write!(f, "~ {kind} {object}\n      is     {found}\n      should {wanted}")
            }
        }
    }
}

/// What the live catalogue has, and what it should have, compared.
#[derive(Debug, Clone, Serialize)]
pub struct Drift {
    /// The newest migration that was counted.
    pub version: Option<Version>,
    /// SHA-256 over the live catalogue, in hex.
    pub fingerprint: String,
    /// Each difference.
    pub differences: Vec<Difference>,
}

/// Compares `database` with what its applied migrations give on `scratch`, an empty database of the same major release.
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

/// What a live database is made of.
pub async fn things(database: &PgConnectOptions) -> Result<Vec<Thing>, Error> {
    let mut conn = open(database).await?;
    let things = snapshot(&mut conn).await?;
    conn.close().await?;
    Ok(things)
}

/// The catalogue that `migrations` give on an empty database.
pub(crate) async fn expected(
    scratch: &PgConnectOptions,
    migrations: &Migrations,
) -> Result<Vec<Thing>, Error> {
    migrate_scratch(scratch, migrations).await?;
    things(scratch).await
}

/// Only reads, and names everything in full.
pub(crate) async fn open(database: &PgConnectOptions) -> Result<PgConnection, Error> {
    let settings = [("search_path", "pg_catalog"), ("default_transaction_read_only", "on")];
    Ok(PgConnection::connect_with(&database.clone().application_name("nexo-catalogue").options(settings))
        .await?)
}

pub(crate) async fn snapshot(conn: &mut PgConnection) -> Result<Vec<Thing>, sqlx::Error> {
    let mut things: Vec<Thing> = sqlx::query_as(SNAPSHOT).persistent(false).fetch_all(&mut *conn).await?;
    let (kinds,): (bool,) =
        sqlx::query_as("select to_regclass('ops.table_kinds') is not null").fetch_one(&mut *conn).await?;
    if kinds {
        let listed =
            "select 'kind' as kind, table_name as object, kind as definition from ops.table_kinds order by 2";
        things.extend(sqlx::query_as::<_, Thing>(listed).fetch_all(conn).await?);
    }
    Ok(things)
}

/// SHA-256 over a catalogue, in hex.
#[must_use]
pub fn fingerprint(things: &[Thing]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in things.iter().flat_map(|thing| [&thing.kind, &thing.object, &thing.definition]) {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is in one of the two alone, or different in them: not only in its parentheses.
#[must_use]
pub fn compare(wanted: &[Thing], found: &[Thing]) -> Vec<Difference> {
    let by_name = |things: &[Thing]| -> BTreeMap<(String, String), String> {
        let pairs = things.iter().cloned().map(|thing| ((thing.kind, thing.object), thing.definition));
        pairs.collect()
    };
    let (wanted, mut found) = (by_name(wanted), by_name(found));
    let mut differences = Vec::new();
    for ((kind, object), wanted) in wanted {
        let found = found.remove(&(kind.clone(), object.clone()));
        if found.as_deref().map(flattened) != Some(flattened(&wanted)) {
            differences.push(Difference { kind, object, wanted: Some(wanted), found });
        }
    }
    for ((kind, object), found) in found {
        differences.push(Difference { kind, object, wanted: None, found: Some(found) });
    }
    differences.sort_by(|one, other| (&one.kind, &one.object).cmp(&(&other.kind, &other.object)));
    differences
}
