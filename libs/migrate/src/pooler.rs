//! Detection of poolers in transaction mode, which assign each transaction another session: session locks,
//! prepared statements and settings are then shared with others.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions};
use tokio::time::timeout;

use crate::Error;

/// Timeout: a pooler in session mode with a single session would block a second connection forever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

/// Fails if the address belongs to a pooler in transaction mode. Poolers in session mode pass.
///
/// Two concurrent connections must have two server processes, which never change. A pooler in transaction mode
/// serves both from one process, or one from several.
pub async fn refuse_pooler(database: &PgConnectOptions) -> Result<(), Error> {
    match timeout(CONNECT_TIMEOUT, is_pooled(database)).await {
        Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(Error::Pooler),
        Err(late) => Err(Error::Sql(sqlx::Error::Io(late.into()))),
        Ok(Err(refused)) => Err(refused_by_pooler(refused)),
    }
}

/// Whether a pooler refused the connection: `PgBouncer` rejects startup parameters that it cannot track.
#[must_use]
pub fn is_of_pooler(refused: &sqlx::Error) -> bool {
    refused.to_string().contains("startup parameter")
}

pub(crate) fn refused_by_pooler(refused: sqlx::Error) -> Error {
    match is_of_pooler(&refused) {
        true if refused.to_string().ends_with("options") => Error::PoolerSettings,
        true => Error::Pooler,
        false => refused.into(),
    }
}

async fn is_pooled(database: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut one = PgConnection::connect_with(database).await?;
    let mut other = PgConnection::connect_with(database).await?;
    let (first, second) = (process(&mut one).await?, process(&mut other).await?);
    let mut pooled = first == second;
    for _ in 0..ROUNDS {
        pooled |= process(&mut other).await? != second || process(&mut one).await? != first;
    }
    let _ = (one.close().await, other.close().await); // only needed for the check
    Ok(pooled)
}

/// Backend process id, by the simple protocol: such a pooler may not support prepared statements.
async fn process(conn: &mut PgConnection) -> Result<i32, sqlx::Error> {
    conn.fetch_one(sqlx::raw_sql("select pg_backend_pid()")).await?.try_get(0)
}
