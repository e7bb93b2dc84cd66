//! A pooler in transaction mode gives each transaction another session: locks, prepared statements and settings of a
//! session are then anybody's.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::time::timeout;

use crate::Error;

/// A pooler in session mode that has one session alone keeps a second connection waiting for ever.
const PATIENCE: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

/// Refuses the address of a pooler in transaction mode, by name. What works through one in session mode passes.
///
/// Two connections that are open at once are two server processes, and each stays the same. A pooler in transaction mode
/// answers both from one, or one from several.
pub async fn refuse_pooler(database: &PgConnectOptions) -> Result<(), Error> {
    match timeout(PATIENCE, is_pooled(database)).await {
        Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(Error::Pooler),
        Err(late) => Err(Error::Sql(sqlx::Error::Io(late.into()))),
        Ok(Err(refused)) => Err(refused_by_pooler(refused)),
    }
}

/// Whether a connection was refused by a pooler: `PgBouncer` takes no settings of a session that it could not keep.
#[must_use]
pub fn is_of_pooler(refused: &sqlx::Error) -> bool {
    refused.to_string().contains("startup parameter")
}

pub(crate) fn refused_by_pooler(refused: sqlx::Error) -> Error {
    if is_of_pooler(&refused) { Error::Pooler } else { refused.into() }
}

async fn is_pooled(database: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut one = PgConnection::connect_with(database).await?;
    let mut other = PgConnection::connect_with(database).await?;
    let (first, second) = (process(&mut one).await?, process(&mut other).await?);
    let mut pooled = first == second;
    for _ in 0..ROUNDS {
        pooled |= process(&mut other).await? != second || process(&mut one).await? != first;
    }
    let _ = (one.close().await, other.close().await); // they were only asked
    Ok(pooled)
}

/// By the simple protocol: prepared statements are what such a pooler may not keep.
async fn process(conn: &mut PgConnection) -> Result<i32, sqlx::Error> {
    conn.fetch_one(sqlx::raw_sql("select pg_backend_pid()")).await?.try_get(0)
}
