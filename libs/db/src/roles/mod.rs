//! Roles and database of NEXO, created by a superuser; a dump does not include them.

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
/// Revokes a grant of an older release, if it exists; an unconditional revoke would warn.
const TAKE_BACK: &str = "do $$ begin
    if pg_has_role('nexo_backup', 'pg_read_all_data', 'member') then
        revoke pg_read_all_data from nexo_backup;
    end if;
end $$";

/// Template of restored databases, if their locale allows it. It is `template0` without the objects that only a
/// superuser can remove; restores run without superuser rights.
pub const TEMPLATE: &str = "nexo_template";

/// Passwords of the login roles.
#[derive(Debug, Clone)]
pub struct Passwords(Vec<(&'static str, SecretString)>);

/// Roles that can log in.
const LOGINS: &[&str] = &["nexo_migrator", "nexo_app", "nexo_auth", "nexo_relay", "nexo_backup"];
/// Environment variables with their connection URLs, in the order of [`LOGINS`].
const ADDRESSES: &[&str] = &[
    "MIGRATION_DATABASE_URL",
    "DATABASE_URL",
    "AUTH_DATABASE_URL",
    "RELAY_DATABASE_URL",
    "BACKUP_DATABASE_URL",
];

impl Passwords {
    /// Uses one password for every role: for a private cluster on this machine.
    #[must_use]
    pub fn same(password: &SecretString) -> Self {
        Self(LOGINS.iter().map(|role| (*role, password.clone())).collect())
    }

    /// Takes the passwords from the connection URLs `DATABASE_URL` (as `nexo_app`), `AUTH_DATABASE_URL`,
    /// `MIGRATION_DATABASE_URL`, `RELAY_DATABASE_URL` and `BACKUP_DATABASE_URL`, so that each is configured once.
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
        env.report(name, format!("is not an address of {role}"));
    }
    let password = address
        .to_url_lossy()
        .password()
        .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned());
    if password.is_none() {
        env.report(name, format!("has no password for {role}"));
    }
    Some((role, password?.into()))
}

/// Creates or updates the roles and the database `name`. Idempotent, so it may run at every start.
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
    let locale = match DatabaseLocale::read(&mut conn, name).await? {
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

/// Creates the database with NEXO's encoding and locale, whatever the server's defaults are.
async fn create(conn: &mut PgConnection, name: &str) -> Result<DatabaseLocale, sqlx::Error> {
    let locale = DatabaseLocale::wanted(conn).await?;
    let name = quoted(conn, "quote_ident", name).await?;
    let clauses = locale.clauses();
    let make = format!("create database {name} owner nexo_owner template template0 {clauses}");
    conn.execute(AssertSqlSafe(make)).await?;
    Ok(locale)
}

/// Creates [`TEMPLATE`], unless it exists with the locale of the database. Connections to it are disabled, because
/// a database in use cannot be copied.
async fn template(
    conn: &mut PgConnection,
    superuser: &PgConnectOptions,
    locale: &DatabaseLocale,
) -> Result<(), sqlx::Error> {
    if DatabaseLocale::read(conn, TEMPLATE).await?.is_some_and(|found| found != *locale) {
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

/// Whether another process created the object concurrently.
fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("42P04" | "23505"))
}

/// Grants the service roles access to one database, and revokes it from everyone else.
pub async fn admit_services(superuser: &PgConnectOptions) -> Result<(), sqlx::Error> {
    run(superuser, DATABASE).await
}

/// Grants `nexo_backup` read access to every table of a database that `owner` owns.
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
        Env::from_values(pairs)
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
    fn a_missing_url_or_one_of_another_role_is_reported() {
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
