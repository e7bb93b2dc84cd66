//! The roles and the database of NEXO, made by a superuser once: what a dump does not hold.

use kernel::Env;
use migrate::DatabaseLocale;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection,
    postgres::PgConnectOptions,
};

use crate::config::address;

const ROLES: &str = include_str!("roles.sql");
const DATABASE: &str = include_str!("database.sql");
const READER: &str = include_str!("reader.sql");
const SUPERUSER: &str = include_str!("superuser.sql");
/// An older release gave it. Where it did not, a revoke would warn.
const TAKE_BACK: &str = "do $$ begin
    if pg_has_role('nexo_backup', 'pg_read_all_data', 'member') then
        revoke pg_read_all_data from nexo_backup;
    end if;
end $$";

/// What databases of restores are made from, where their locale allows it: `template0`, without what only a superuser can take
/// away. Whoever restores is none.
pub const TEMPLATE: &str = "nexo_template";

/// One password for every role that logs in.
#[derive(Debug, Clone)]
pub struct Passwords(Vec<(&'static str, SecretString)>);

/// The roles that log in.
const LOGINS: &[&str] = &["nexo_migrator", "nexo_app", "nexo_auth", "nexo_relay", "nexo_backup"];
/// Where each of them is found.
const ADDRESSES: &[&str] = &[
    "MIGRATION_DATABASE_URL",
    "DATABASE_URL",
    "AUTH_DATABASE_URL",
    "RELAY_DATABASE_URL",
    "BACKUP_DATABASE_URL",
];

impl Passwords {
    /// The same password for every role: for a private cluster on this machine.
    #[must_use]
    pub fn same(password: &SecretString) -> Self {
        Self(LOGINS.iter().map(|role| (*role, password.clone())).collect())
    }

    /// Those of the addresses by which services connect: `DATABASE_URL` (as `nexo_app`), `AUTH_DATABASE_URL`,
    /// `MIGRATION_DATABASE_URL`, `RELAY_DATABASE_URL` and `BACKUP_DATABASE_URL`. A password is said in one place.
    pub fn of_addresses(env: &mut Env) -> Self {
        Self(LOGINS.iter().zip(ADDRESSES).filter_map(|(role, name)| of_address(env, role, name)).collect())
    }
}

fn of_address(env: &mut Env, role: &'static str, name: &'static str) -> Option<(&'static str, SecretString)> {
    let Some(address) = address(env, name) else {
        env.required(name, &format!("postgres://{role}:password@host:5432/nexo"));
        return None;
    };
    if address.get_username() != role {
        env.mistake(name, format!("is not an address of {role}"));
    }
    let password = address
        .to_url_lossy()
        .password()
        .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    if password.is_none() {
        env.mistake(name, format!("has no password for {role}"));
    }
    Some((role, password?.into()))
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
    let locale = match DatabaseLocale::of(&mut conn, name).await? {
        Some(locale) => locale,
        None => create(&mut conn, name).await?,
    };
    template(&mut conn, superuser, &locale).await?;
    let database = superuser.clone().database(name);
    admit_services(&database).await?;
    run(&database, SUPERUSER).await?;
    grant_reader(&database).await?;
    conn.execute(TAKE_BACK).await?;
    conn.close().await
}

/// Makes the database: whatever the server's own encoding and locale are, it has those of every NEXO.
async fn create(conn: &mut PgConnection, name: &str) -> Result<DatabaseLocale, sqlx::Error> {
    let locale = DatabaseLocale::wanted(conn).await?;
    let name = quoted(conn, "quote_ident", name).await?;
    let clauses = locale.clauses();
    let make = format!("create database {name} owner nexo_owner template template0 {clauses}");
    conn.execute(AssertSqlSafe(make)).await?;
    Ok(locale)
}

/// Makes [`TEMPLATE`], unless it is there and has the locale of the database. Nobody is let into it: what is connected to
/// cannot be copied.
async fn template(
    conn: &mut PgConnection,
    superuser: &PgConnectOptions,
    locale: &DatabaseLocale,
) -> Result<(), sqlx::Error> {
    if DatabaseLocale::of(conn, TEMPLATE).await?.is_some_and(|found| found != *locale) {
        conn.execute(AssertSqlSafe(format!("alter database {TEMPLATE} is_template false"))).await?;
        conn.execute(AssertSqlSafe(format!("drop database {TEMPLATE}"))).await?;
    }
    let there: Option<(bool,)> = sqlx::query_as("select datallowconn from pg_database where datname = $1")
        .bind(TEMPLATE)
        .fetch_optional(&mut *conn)
        .await?;
    if there == Some((false,)) {
        return Ok(());
    }
    if there.is_none() {
        let clauses = locale.clauses();
        let make = format!("create database {TEMPLATE} template template0 is_template true {clauses}");
        match conn.execute(AssertSqlSafe(make)).await {
            Err(error) if !is_there_already(&error) => return Err(error),
            _ => {}
        }
    }
    run(&superuser.clone().database(TEMPLATE), SUPERUSER).await?;
    conn.execute(AssertSqlSafe(format!("alter database {TEMPLATE} allow_connections false"))).await?;
    Ok(())
}

/// Another process that prepares the same server was faster.
fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("42P04" | "23505"))
}

/// Lets the roles into one database, and nobody else.
pub async fn admit_services(superuser: &PgConnectOptions) -> Result<(), sqlx::Error> {
    run(superuser, DATABASE).await
}

/// Lets `nexo_backup` read every table of a database that `owner` owns, whatever was granted when they were made.
pub async fn grant_reader(owner: &PgConnectOptions) -> Result<(), sqlx::Error> {
    run(owner, READER).await
}

async fn run(options: &PgConnectOptions, statements: &'static str) -> Result<(), sqlx::Error> {
    let mut conn = PgConnection::connect_with(options).await?;
    conn.execute(statements).await?;
    conn.close().await
}

async fn quoted(conn: &mut PgConnection, function: &str, text: &str) -> Result<String, sqlx::Error> {
    let ask = AssertSqlSafe(format!("select {function}($1)"));
    let (quoted,): (String,) = sqlx::query_as(ask).bind(text).fetch_one(conn).await?;
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(of: impl Fn(&str) -> String) -> Env {
        let pairs = LOGINS.iter().zip(ADDRESSES).map(|(role, name)| ((*name).to_owned(), of(role)));
        Env::of(pairs)
    }

    #[test]
    fn a_password_is_that_of_the_roles_address() {
        let mut env = addresses(|role| format!("postgres://{role}:{role}%40%2Fpassword@postgres:5432/nexo"));
        let Passwords(pairs) = Passwords::of_addresses(&mut env);
        env.finish().unwrap();
        assert_eq!(pairs.len(), LOGINS.len());
        for (role, password) in pairs {
            assert_eq!(password.expose_secret(), format!("{role}@/password"));
        }
    }

    #[test]
    fn an_address_that_is_missing_or_of_another_role_is_told() {
        let mut env = addresses(|_| "postgres://nexo_app@postgres/nexo".to_owned());
        Passwords::of_addresses(&mut env);
        let told = env.finish().unwrap_err().to_string();
        assert!(told.contains("AUTH_DATABASE_URL: is not an address of nexo_auth"), "{told}");
        assert!(told.contains("DATABASE_URL: has no password for nexo_app"), "{told}");
        let mut none = Env::default();
        Passwords::of_addresses(&mut none);
        assert_eq!(none.finish().unwrap_err().0.len(), ADDRESSES.len());
    }
}
