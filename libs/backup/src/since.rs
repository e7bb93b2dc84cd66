//! What a restore would take away: how many rows each table has now, and had then.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{Config, Error, Manifest, tables};

impl Config {
    /// A line for each table that has another number of rows now; one line, if none has.
    pub async fn since(&self, manifest: &Manifest, live: &PgConnectOptions) -> Result<Vec<String>, Error> {
        let mut conn = PgConnection::connect_with(&tables::reader(live, "nexo-backup since")).await?;
        let mut lines = Vec::new();
        for name in tables::names(&mut conn).await? {
            let question = AssertSqlSafe(format!("select count(*) from only {name}"));
            let (now,): (i64,) = sqlx::query_as(question).persistent(false).fetch_one(&mut conn).await?;
            let then = manifest.tables.iter().find(|table| table.name == name).map_or(0, |table| table.rows);
            if now != then {
                lines.push(format!("{name}: {now} rows now, {then} in the backup"));
            }
        }
        conn.close().await?;
        if lines.is_empty() {
            lines.push("every table has as many rows now as in the backup".to_owned());
        }
        Ok(lines)
    }
}
