use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use time::macros::format_description;

use super::{Unpacked, compare, lacks, load, swap};
use crate::{Config, Error, Made, Manifest, Name};

/// A database beside the live one, made from a backup and compared with it.
pub struct Beside {
    /// Its name.
    pub database: String,
    /// The way in, as the role that migrates.
    pub options: PgConnectOptions,
    /// What it was made from; `None`: it is empty.
    pub manifest: Option<Manifest>,
    /// Keeps other restores from taking it for a leftover.
    pub(super) admin: swap::Admin,
}

/// How a database compares texts.
#[derive(sqlx::FromRow)]
pub(super) struct Locale {
    encoding: String,
    collate: String,
    ctype: String,
}

impl Locale {
    fn of(manifest: &Manifest) -> Self {
        let Made { encoding, collate, ctype, .. } = manifest.made.clone();
        Self { encoding, collate, ctype }
    }
}

impl Config {
    /// Restores a backup into a new database on the server of `live`, and compares it. Nobody uses it yet. `into`: its
    /// name; otherwise one that the next restore takes away.
    pub async fn restore_beside(
        &self,
        name: &Name,
        live: &PgConnectOptions,
        into: Option<&str>,
    ) -> Result<Beside, Error> {
        Box::pin(self.make_beside(name, live, into)).await // it holds many steps, and is awaited within others
    }

    async fn make_beside(
        &self,
        name: &Name,
        live: &PgConnectOptions,
        into: Option<&str>,
    ) -> Result<Beside, Error> {
        self.local.prepare()?;
        self.local.sweep()?;
        let manifest = self.intact(name).await?;
        lacks(live, &manifest).await?;
        let unpacked = Unpacked::of(self, &manifest).await?;
        let mut admin = swap::Admin::enter(live).await?;
        let database = into.map_or_else(|| admin.name("side", self.now()), str::to_owned);
        admin.drop_leftovers().await?;
        admin.create(&database, &Locale::of(&manifest)).await?;
        let options = live.clone().database(&database);
        let made = async {
            ::db::admit_services(&options).await?;
            load(self, &unpacked, &manifest, &options).await?;
            compare(self, &manifest, &options).await?;
            ::db::grant_reader(&options).await.map_err(Error::Database)
        };
        if let Err(failed) = made.await {
            admin.drop_database(&database).await?;
            admin.leave().await?;
            return Err(failed);
        }
        Ok(Beside { database, options, manifest: Some(manifest), admin })
    }

    /// Makes an empty database beside the live one, with the same encoding and locale.
    pub async fn empty_beside(&self, live: &PgConnectOptions) -> Result<(Beside, PgConnectOptions), Error> {
        let mut admin = swap::Admin::enter(live).await?;
        admin.drop_leftovers().await?;
        let database = admin.name("side", self.now());
        let locale = admin.locale().await?;
        admin.create(&database, &locale).await?;
        let options = live.clone().database(&database);
        ::db::admit_services(&options).await?;
        Ok((Beside { database, options: options.clone(), manifest: None, admin }, options))
    }
}

impl swap::Admin {
    /// `nexo_side_20260203040506`.
    pub(super) fn name(&self, kind: &str, at: time::OffsetDateTime) -> String {
        let format = format_description!("[year][month][day][hour][minute][second]");
        format!("{}_{kind}_{}", self.live, at.format(format).unwrap_or_default())
    }

    /// That of the live database.
    async fn locale(&mut self) -> Result<Locale, Error> {
        let locale = sqlx::query_as(
            "select pg_encoding_to_char(encoding) as encoding, datcollate::text as collate, datctype::text as ctype
             from pg_database where datname = $1",
        );
        Ok(locale.bind(&self.live).fetch_one(&mut self.conn).await?)
    }

    /// Empty, with this encoding and locale: from the template that a superuser has prepared, where it has the same.
    async fn create(&mut self, database: &str, locale: &Locale) -> Result<(), Error> {
        let (statement,): (String,) = sqlx::query_as(
            "select format('create database %I owner nexo_owner template %I encoding %L lc_collate %L lc_ctype %L', $1,
                 coalesce((select datname from pg_database where datname = $5 and datistemplate and not datallowconn
                     and pg_encoding_to_char(encoding) = $2 and datcollate = $3 and datctype = $4), 'template0'), $2, $3, $4)",
        )
        .bind(database)
        .bind(&locale.encoding)
        .bind(&locale.collate)
        .bind(&locale.ctype)
        .bind(::db::TEMPLATE)
        .fetch_one(&mut self.conn)
        .await?;
        self.conn.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    }

    pub(super) async fn drop_database(&mut self, database: &str) -> Result<(), Error> {
        let (statement,): (String,) =
            sqlx::query_as("select format('drop database if exists %I with (force)', $1)")
                .bind(database)
                .fetch_one(&mut self.conn)
                .await?;
        self.conn.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    }

    /// What a restore that was killed has left: nobody else restores, as we hold the lock.
    async fn drop_leftovers(&mut self) -> Result<(), Error> {
        for database in self.databases("side").await? {
            self.drop_database(&database).await?;
        }
        Ok(())
    }

    /// Databases of this kind that belong to the live one, newest first.
    pub(super) async fn databases(&mut self, kind: &str) -> Result<Vec<String>, Error> {
        let prefix = format!("{}_{kind}_", self.live);
        let names: Vec<(String,)> = sqlx::query_as(
            "select datname::text from pg_database where starts_with(datname::text, $1)
               and substr(datname::text, length($1) + 1) ~ '^[0-9]{14}$' order by 1 desc",
        )
        .bind(&prefix)
        .fetch_all(&mut self.conn)
        .await?;
        Ok(names.into_iter().map(|(name,)| name).collect())
    }
}

impl Beside {
    /// Takes it away again.
    pub async fn discard(mut self) -> Result<(), Error> {
        self.admin.drop_database(&self.database).await?;
        self.admin.leave().await
    }

    /// Leaves it where it is.
    pub async fn keep(self) -> Result<(), Error> {
        self.admin.leave().await
    }
}

/// A connection of the same role to a database of ours.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    Ok(PgConnection::connect_with(options).await?)
}
