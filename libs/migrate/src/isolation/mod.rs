//! Whether the catalogue keeps accounts apart: looked for before the transaction of each migration ends, and at every
//! start of a service.

use std::fmt;

use serde::Serialize;
use sqlx::{Connection as _, FromRow, PgConnection, postgres::PgConnectOptions};

const RULES: &str = include_str!("rules.sql");

/// One way in which an account could reach another's rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, FromRow)]
pub struct Breach {
    /// The rule that is broken.
    pub rule: String,
    /// The table, function, role or schema that breaks it.
    pub object: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.rule)
    }
}

/// All breaches in the catalogue of one database; none when it is well.
pub async fn verify_isolation(database: &PgConnectOptions) -> Result<Vec<Breach>, sqlx::Error> {
    // Names are told in full wherever the reader's own `search_path` leads.
    let options = database.clone().options([("search_path", "pg_catalog")]);
    let mut conn = PgConnection::connect_with(&options).await?;
    let breaches = breaches(&mut conn).await?;
    conn.close().await?;
    Ok(breaches)
}

/// The same on a connection whose `search_path` is `pg_catalog`.
pub async fn breaches(conn: &mut PgConnection) -> Result<Vec<Breach>, sqlx::Error> {
    sqlx::query_as(RULES).persistent(false).fetch_all(conn).await
}

/// The same; none before there is a registry of tables, without which no rule can be asked.
pub(crate) async fn breaches_so_far(conn: &mut PgConnection) -> Result<Vec<Breach>, sqlx::Error> {
    let (registered,): (bool,) =
        sqlx::query_as("select to_regclass('ops.table_kinds') is not null").fetch_one(&mut *conn).await?;
    if registered { breaches(conn).await } else { Ok(Vec::new()) }
}
