//! The dedicated connection of the migration runner.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{Error, locale_problem, pooler::refused_by_pooler};

/// Settings of the session. The server checks for a lost client, so that a dead runner's lock is released soon.
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
    let name = format!("nexo-migrate {}", std::process::id());
    let options = database.clone().application_name(&name).options(SETTINGS.iter().copied());
    let mut conn = PgConnection::connect_with(&options).await.map_err(refused_by_pooler)?;
    let (standby, check, path): (bool, String, String) = sqlx::query_as(
        "select pg_is_in_recovery(), current_setting('client_connection_check_interval'), current_setting('search_path')",
    )
    .persistent(false)
    .fetch_one(&mut conn)
    .await?;
    match (standby, check.as_str(), path.as_str()) {
        (true, ..) => return Err(Error::Standby),
        (false, "1s", "pg_catalog") => {}
        _ => return Err(Error::Pooler),
    }
    match locale_problem(&mut conn).await? {
        Some(problem) => Err(Error::Locale(Box::new(problem))),
        None => Ok(conn),
    }
}

/// Second connection, which observes the first.
pub(crate) async fn observer(database: &PgConnectOptions) -> Result<PgConnection, Error> {
    let options =
        database.clone().application_name("nexo-migrate observer").options(SETTINGS.iter().copied());
    Ok(PgConnection::connect_with(&options).await?)
}

/// Sends one statement as one message.
pub(crate) async fn send(conn: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    conn.execute(AssertSqlSafe(statement.to_owned())).await.map(drop)
}
