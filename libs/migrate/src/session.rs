//! The one connection on which migrations are applied.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::Error;

/// A runner that dies must free its lock soon: the server looks whether its client is still there.
const SETTINGS: &[(&str, &str)] = &[
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "300s"),
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("search_path", "pg_catalog"),
];

pub(crate) async fn open(database: &PgConnectOptions) -> Result<PgConnection, Error> {
    let options = database.clone().application_name("nexo-migrate").options(SETTINGS.iter().copied());
    let mut conn = PgConnection::connect_with(&options).await?;
    let (standby,): (bool,) = sqlx::query_as("select pg_is_in_recovery()").fetch_one(&mut conn).await?;
    if standby { Err(Error::Standby) } else { Ok(conn) }
}

/// Sends one statement as one message.
pub(crate) async fn send(conn: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    conn.execute(AssertSqlSafe(statement.to_owned())).await.map(drop)
}
