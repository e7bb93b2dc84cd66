//! Preview of a restore: row counts of each table, now and in the backup.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{Config, Error, Manifest, tables};

impl Config {
    /// One line for each table of `app` that is not empty.
    pub async fn held(&self, live: &PgConnectOptions) -> Result<Vec<String>, Error> {
        let rows = counts(live).await?;
        let held = rows.iter().filter(|(name, rows)| name.starts_with("app") && **rows > 0);
        let lines = held.map(|(name, rows)| format!("{name}: {rows} rows")).collect();
        Ok(or_else(lines, "no table holds a row"))
    }

    /// One line for each table whose row count differs from the backup; a single line if none differs.
    pub async fn since(&self, manifest: &Manifest, live: &PgConnectOptions) -> Result<Vec<String>, Error> {
        let of_data = manifest.tables.iter().filter(|table| !CARRIED.contains(&&*table.name));
        let then = of_data.map(|table| (table.name.clone(), table.rows)).collect();
        let lines = differing(&counts(live).await?, &then, "in the backup");
        Ok(or_else(lines, "every table has as many rows now as in the backup"))
    }

    /// One line for each table whose row count differs from another database on the server of `live`.
    pub async fn since_database(
        &self,
        database: &str,
        live: &PgConnectOptions,
    ) -> Result<Vec<String>, Error> {
        let then = counts(&live.clone().database(database)).await?;
        let lines = differing(&counts(live).await?, &then, &format!("in {database}"));
        Ok(or_else(lines, "every table has as many rows in both"))
    }
}

type Counts = BTreeMap<String, i64>;

async fn counts(database: &PgConnectOptions) -> Result<Counts, Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup counts")).await?;
    let mut counts = Counts::new();
    for name in tables::names(&mut conn).await?.into_iter().filter(|name| !CARRIED.contains(&&**name)) {
        let question = AssertSqlSafe(format!("select count(*) from only {name}"));
        let (rows,) = sqlx::query_as(question).persistent(false).fetch_one(&mut conn).await?;
        counts.insert(name, rows);
    }
    conn.close().await?;
    Ok(counts)
}

/// Tables whose rows are carried over to the new live database.
const CARRIED: [&str; 3] = ["ops.maintenance", "ops.operator_log", "ops.schedule"];

fn differing(now: &Counts, then: &Counts, place: &str) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    let rows = |counts: &Counts, name: &str| counts.get(name).copied().unwrap_or_default();
    let pairs = names.into_iter().map(|name| (name, rows(now, name), rows(then, name)));
    pairs
        .filter(|(_, now, then)| now != then)
        .map(|(name, now, then)| format!("{name}: {now} rows now, {then} {place}"))
        .collect()
}

fn or_else(lines: Vec<String>, otherwise: &str) -> Vec<String> {
    if lines.is_empty() { vec![otherwise.to_owned()] } else { lines }
}
