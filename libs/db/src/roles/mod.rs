//! The roles and the database of NEXO, made by a superuser once: what a dump does not hold.

use kernel::Env;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

const ROLES: &str = include_str!("roles.sql");
const DATABASE: &str = include_str!("database.sql");

/// One password for every role that logs in.
#[derive(Debug, Clone)]
pub struct Passwords(Vec<(&'static str, SecretString)>);

/// The roles that log in.
const LOGINS: &[&str] = &["nexo_migrator", "nexo_app", "nexo_auth", "nexo_relay", "nexo_backup"];

impl Passwords {
    /// The same password for every role: for a private cluster on this machine.
    #[must_use]
    pub fn same(password: &SecretString) -> Self {
        Self(LOGINS.iter().map(|role| (*role, password.clone())).collect())
    }

    /// `NEXO_APP_PASSWORD`, `NEXO_AUTH_PASSWORD` and so on.
    pub fn read(env: &mut Env) -> Self {
        const NAMES: &[&str] = &[
            "NEXO_MIGRATOR_PASSWORD",
            "NEXO_APP_PASSWORD",
            "NEXO_AUTH_PASSWORD",
            "NEXO_RELAY_PASSWORD",
            "NEXO_BACKUP_PASSWORD",
        ];
        let pairs = LOGINS.iter().zip(NAMES);
        Self(
            pairs
                .map(|(role, name)| (*role, env.required(name, "the password of a database role").into()))
                .collect(),
        )
    }
}

/// Makes the roles and the database `name`, or brings them to what they should be; may run at every start.
pub async fn prepare(
    superuser: &PgConnectOptions,
    name: &str,
    passwords: &Passwords,
) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect_with(&superuser.clone().database("postgres")).await?;
    conn.execute(ROLES).await?;
    for (role, password) in &passwords.0 {
        let password: String = quoted(&mut conn, "quote_literal", password.expose_secret()).await?;
        conn.execute(AssertSqlSafe(format!("alter role {role} password {password}"))).await?;
    }
    let known: Option<(i32,)> = sqlx::query_as("select 1 from pg_database where datname = $1")
        .bind(name)
        .fetch_optional(&mut conn)
        .await?;
    if known.is_none() {
        let name = quoted(&mut conn, "quote_ident", name).await?;
        conn.execute(AssertSqlSafe(format!("create database {name} owner nexo_owner"))).await?;
    }
    conn.close().await?;
    admit_services(&superuser.clone().database(name)).await
}

/// Lets the roles into one database, and nobody else.
pub async fn admit_services(superuser: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect_with(superuser).await?;
    conn.execute(DATABASE).await?;
    conn.close().await
}

async fn quoted(conn: &mut PgConnection, function: &str, text: &str) -> Result<String, sqlx::Error> {
    let ask = AssertSqlSafe(format!("select {function}($1)"));
    let (quoted,): (String,) = sqlx::query_as(ask).bind(text).fetch_one(conn).await?;
    Ok(quoted)
}
