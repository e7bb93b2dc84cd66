//! Tenant isolation check: verifies at every start that the database isolates accounts.

use migrate::{Breach, breaches, open_with_qualified_names};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

/// Reason why a service refuses to start on this database.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// The catalogue has objects that break isolation.
    #[error("{}", list(.0))]
    Breached(Vec<Breach>),
    /// The service's own role bypasses row security or owns tables.
    #[error("the role {0} bypasses row security, or owns tables: services connect as nexo_app or nexo_auth")]
    TooMighty(String),
    /// This PostgreSQL release is known to leak rows that row security hides.
    #[error("{0}")]
    LeakyServer(String),
    /// The system catalogue cannot be read.
    #[error("the catalogue cannot be read")]
    Unreadable(#[from] sqlx::Error),
}

fn list(breaches: &[Breach]) -> String {
    let lines = breaches.iter().map(|breach| format!("\n  {breach}"));
    format!(
        "the database does not keep accounts apart:{}\nSee `nexo isolation verify`.",
        lines.collect::<String>()
    )
}

/// Verifies isolation before a service accepts its first request.
pub(crate) async fn insist(database: &PgConnectOptions) -> Result<(), IsolationError> {
    let mut conn = open_with_qualified_names(database).await?;
    let breaches = breaches(&mut conn).await?;
    if !breaches.is_empty() {
        return Err(IsolationError::Breached(breaches));
    }
    let mighty: Option<(String,)> = sqlx::query_as(
        "select rolname::text from pg_roles where rolname = current_user and (rolsuper or rolbypassrls
            or pg_has_role(oid, 'nexo_owner', 'usage')) or current_setting('row_security') <> 'on' and rolname = current_user",
    )
    .fetch_optional(&mut conn)
    .await?;
    conn.close().await?;
    mighty.map_or(Ok(()), |(role,)| Err(IsolationError::TooMighty(role)))
}

/// The first minor release of each major that has the fixes for CVE-2025-8713 (statistics of hidden rows could be
/// read past row security), <https://www.postgresql.org/support/security/CVE-2025-8713/>.
pub const OLDEST_SERVERS: &[(i32, i32)] = &[(15, 14), (16, 10), (17, 6)];

/// Refuses a server with known leaks, unless the operator has accepted the risk.
pub(crate) async fn server(conn: &mut PgConnection, accepted: bool) -> Result<(), IsolationError> {
    let (number,): (String,) =
        sqlx::query_as("select current_setting('server_version_num')").fetch_one(conn).await?;
    match server_problem(number.parse().unwrap_or_default()) {
        Some(problem) if accepted => {
            tracing::warn!(problem, "NEXO_ALLOW_VULNERABLE_POSTGRES is set: going on with this PostgreSQL");
            Ok(())
        }
        Some(problem) => Err(IsolationError::LeakyServer(problem)),
        None => Ok(()),
    }
}

/// Explains why a PostgreSQL with this `server_version_num` is not supported; `None` if it is.
#[must_use]
pub fn server_problem(number: i32) -> Option<String> {
    let (major, minor) = (number / 10_000, number % 10_000);
    let say = |needed: &str| {
        format!(
            "PostgreSQL {major}.{minor} is not one that keeps accounts apart for certain: {needed}. \
             Upgrade it, or set NEXO_ALLOW_VULNERABLE_POSTGRES=true if you know that the fixes are in"
        )
    };
    match OLDEST_SERVERS.iter().find(|(sound, _)| *sound == major) {
        Some((_, first)) if minor < *first => {
            Some(say(&format!("{major}.{first} has the fixes for row security")))
        }
        None if major < 15 => Some(say("15.14 is the oldest that has what NEXO needs")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_leaks_is_known_by_its_number() {
        for (number, leaks) in [
            (140_020, true),
            (150_013, true),
            (150_014, false),
            (160_009, true),
            (170_005, true),
            (170_006, false),
            (180_000, false),
        ] {
            assert_eq!(server_problem(number).is_some(), leaks, "{number}");
        }
    }
}
