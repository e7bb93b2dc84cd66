//! How a database stores and folds text: UTF-8, and a locale in which letters of ASCII have their usual case.

use std::fmt;

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

/// The encoding and the locale of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct DatabaseLocale {
    /// As `pg_encoding_to_char` names it: `UTF8`.
    pub encoding: String,
    /// `libc`, `icu` or `builtin`.
    pub provider: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The provider's own locale; `None` with `libc`.
    pub locale: Option<String>,
}

/// One locale on every machine: the order of code points, and the case of Unicode.
const LOCALE: &str = "C.UTF-8";

impl DatabaseLocale {
    /// That of the database `name` on the server of `conn`; `None`: there is no such database.
    pub async fn of(conn: &mut PgConnection, name: &str) -> Result<Option<Self>, sqlx::Error> {
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

    /// What a new database has on the server of `conn`: of the builtin provider from PostgreSQL 17 on, which no update of
    /// the operating system changes.
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

    /// For `create database …`, beside `template template0`.
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

/// Why NEXO does not work in a database, and the way out.
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
    /// Its name.
    pub database: String,
    /// What it has.
    pub locale: DatabaseLocale,
    problem: &'static str,
}

const ENCODING: &str =
    "is not of the encoding UTF8: letters would be counted as bytes, and its backups could not be compared";
const CASE: &str = "has a locale in which letters of ASCII have another case, as `I` has in Turkish: one e-mail \
     could belong to two people";

/// Whether NEXO can work in the database of this connection: of the encoding UTF8, and with the usual case of ASCII.
pub async fn locale_problem(conn: &mut PgConnection) -> Result<Option<LocaleProblem>, sqlx::Error> {
    let (database, folds): (String, bool) = sqlx::query_as(
        "select current_database()::text,
                lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz' collate \"C\"
                and upper('abcdefghijklmnopqrstuvwxyz') = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' collate \"C\"",
    )
    .persistent(false)
    .fetch_one(&mut *conn)
    .await?;
    let Some(locale) = DatabaseLocale::of(conn, &database).await? else { return Ok(None) };
    let problem = match (locale.encoding.as_str(), folds) {
        ("UTF8", true) => return Ok(None),
        ("UTF8", false) => CASE,
        _ => ENCODING,
    };
    Ok(Some(LocaleProblem { database, locale, problem }))
}
