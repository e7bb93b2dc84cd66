//! What a restore would take away: how many rows each table has now, and had then.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{Config, Error, Manifest, tables};

impl Config {
    /// A line for each table of `app` that holds rows.
    pub async fn held(&self, live: &PgConnectOptions) -> Result<Vec<String>, Error> {
        let mut conn = PgConnection::connect_with(&tables::reader(live, "nexo-backup held")).await?;
        let mut lines = Vec::new();
        for name in tables::names(&mut conn).await?.into_iter().filter(|name| name.starts_with("app")) {
            let rows = count(&mut conn, &name).await?;
            if rows > 0 {
                lines.push(format!("{name}: {rows} rows"));
            }
        }
        conn.close().await?;
        if lines.is_empty() {
            lines.push("no table holds a row".to_owned());
        }
        Ok(lines)
    }

    /// A line for each table that has another number of rows now; one line, if none has.
    pub async fn since(&self, manifest: &Manifest, live: &PgConnectOptions) -> Result<Vec<String>, Error> {
        let mut conn = PgConnection::connect_with(&tables::reader(live, "nexo-backup since")).await?;
        let mut lines = Vec::new();
        for name in tables::names(&mut conn).await? {
            let now = count(&mut conn, &name).await?;
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

async fn count(conn: &mut PgConnection, table: &str) -> Result<i64, sqlx::Error> {
    let question = AssertSqlSafe(format!("select count(*) from only {table}"));
    let (rows,) = sqlx::query_as(question).persistent(false).fetch_one(conn).await?;
    Ok(rows)
}
