//! Tenant isolation rules: checked on the catalogue before each migration commits, and at every start of a
//! service.

use std::fmt;

use serde::Serialize;
use sqlx::{Connection as _, Executor as _, FromRow, PgConnection, postgres::PgConnectOptions};

const RULES: &str = include_str!("rules.sql");

/// A breach: a way in which an account could reach rows of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, FromRow)]
pub struct Breach {
    /// Isolation rule that is violated.
    pub rule: String,
    /// Table, function, role or schema that violates it.
    pub object: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.rule)
    }
}

/// Connects with an empty `search_path`, so that the catalogue's functions print qualified names. It is set after the
/// start, since a pooler in session mode refuses startup options.
pub async fn open_with_qualified_names(database: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut conn = PgConnection::connect_with(database).await?;
    conn.execute("set search_path = pg_catalog").await?;
    Ok(conn)
}

/// All breaches in the catalogue of a database.
pub async fn verify_isolation(database: &PgConnectOptions) -> Result<Vec<Breach>, sqlx::Error> {
    let mut conn = open_with_qualified_names(database).await?;
    let breaches = breaches(&mut conn).await?;
    conn.close().await?;
    Ok(breaches)
}

/// All breaches, on a connection whose `search_path` is `pg_catalog`.
pub async fn breaches(conn: &mut PgConnection) -> Result<Vec<Breach>, sqlx::Error> {
    sqlx::query_as(RULES).persistent(false).fetch_all(conn).await
}

/// All breaches; empty before the registry of tables exists, which the rules require.
pub(crate) async fn breaches_so_far(conn: &mut PgConnection) -> Result<Vec<Breach>, sqlx::Error> {
    let (registered,): (bool,) =
        sqlx::query_as("select to_regclass('ops.table_kinds') is not null").fetch_one(&mut *conn).await?;
    if registered { breaches(conn).await } else { Ok(Vec::new()) }
}
