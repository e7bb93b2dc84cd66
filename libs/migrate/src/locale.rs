//! Encoding and locale of a database: UTF-8, and a locale with the usual case mapping of ASCII letters.

use std::fmt;

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

/// Encoding and locale of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct DatabaseLocale {
    /// Encoding as named by `pg_encoding_to_char`: `UTF8`.
    pub encoding: String,
    /// Locale provider: `libc`, `icu` or `builtin`.
    pub provider: String,
    /// Collation (`LC_COLLATE`).
    pub collate: String,
    /// Character classification (`LC_CTYPE`).
    pub ctype: String,
    /// Locale of the provider; `None` with `libc`.
    pub locale: Option<String>,
}

/// Locale with equal behavior on every machine: code point order, and Unicode case mapping.
const LOCALE: &str = "C.UTF-8";

impl DatabaseLocale {
    /// Reads the locale of the database `name` on the server of `conn`; `None` if it does not exist.
    pub async fn read(conn: &mut PgConnection, name: &str) -> Result<Option<Self>, sqlx::Error> {
        sqlx::query_as(
            "select pg_encoding_to_char(d.encoding)::text as encoding, d.datcollate::text as collate, d.datctype::text as ctype,
                    case d.datlocprovider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end as provider,
                    -- named otherwise before PostgreSQL 17
                    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale
             from pg_database d where d.datname = $1",
        )
        .bind(name)
        .persistent(false)
        .fetch_optional(conn)
        .await
    }

    /// Locale for a new database on the server of `conn`. From PostgreSQL 17 on it uses the builtin provider,
    /// which updates of the operating system do not change.
    pub async fn wanted(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let (number,): (i32,) = sqlx::query_as("select current_setting('server_version_num')::int")
            .persistent(false)
            .fetch_one(conn)
            .await?;
        let (provider, locale) =
            if number >= 170_000 { ("builtin", Some(LOCALE.to_owned())) } else { ("libc", None) };
        let own = LOCALE.to_owned();
        let (encoding, provider) = ("UTF8".to_owned(), provider.to_owned());
        Ok(Self { encoding, provider, collate: own.clone(), ctype: own, locale })
    }

    /// Clauses for `create database …`, besides `template template0`.
    #[must_use]
    pub fn clauses(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let Self { encoding, provider, collate, ctype, locale } = self;
        let own = locale.as_deref().map(|locale| format!(" {provider}_locale {}", quoted(locale)));
        format!(
            "encoding {} locale_provider {provider}{} lc_collate {} lc_ctype {}",
            quoted(encoding),
            own.unwrap_or_default(),
            quoted(collate),
            quoted(ctype)
        )
    }
}

impl fmt::Display for DatabaseLocale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, provider, collate, ctype, locale } = self;
        write!(f, "{encoding}, {provider}")?;
        locale.iter().try_for_each(|locale| write!(f, " {locale}"))?;
        write!(f, ", LC_COLLATE {collate}, LC_CTYPE {ctype}")
    }
}

/// Reason why a database's locale is not supported, with instructions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database {database} ({locale}) {problem}.\n\
     Move its rows into a new one, as the superuser and with nothing else connected:\n  \
     psql -d postgres -c 'alter database \"{database}\" rename to \"{database}_old\"'\n  \
     nexo db roles\n  \
     pg_dump -Fc --encoding=UTF8 \"{database}_old\" | pg_restore --exit-on-error -d \"{database}\"\n\
     E-mails that are the same in it, and were not before, are listed by `nexo db check`"
)]
pub struct LocaleProblem {
    /// Name of the affected database.
    pub database: String,
    /// Actual locale of the database.
    pub locale: DatabaseLocale,
    problem: &'static str,
}

const ENCODING: &str =
    "is not of the encoding UTF8: letters would be counted as bytes, and its backups could not be compared";
const CASE: &str = "has a locale in which letters of ASCII have another case, as `I` has in Turkish: one e-mail \
     could belong to two people";

/// Checks the locale of the connected database: encoding UTF8, and the usual case mapping of ASCII.
pub async fn locale_problem(conn: &mut PgConnection) -> Result<Option<LocaleProblem>, sqlx::Error> {
    let (database, folds): (String, bool) = sqlx::query_as(
        "select current_database()::text,
                lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz' collate \"C\"
                and upper('abcdefghijklmnopqrstuvwxyz') = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' collate \"C\"",
    )
    .persistent(false)
    .fetch_one(&mut *conn)
    .await?;
    let Some(locale) = DatabaseLocale::read(conn, &database).await? else { return Ok(None) };
    let problem = match (locale.encoding.as_str(), folds) {
        ("UTF8", true) => return Ok(None),
        ("UTF8", false) => CASE,
        _ => ENCODING,
    };
    Ok(Some(LocaleProblem { database, locale, problem }))
}
