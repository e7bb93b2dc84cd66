use migrate::DatabaseLocale;
use sqlx::{AssertSqlSafe, Executor as _, postgres::PgConnectOptions};
use time::{Duration, OffsetDateTime};

use super::{
    Exclusive, LOCK_TIMEOUT, UnpackedDump, compare,
    kept_databases::{DatabaseComment, Kind, STAMP},
    lacks, load,
};
use crate::{Config, Error, Manifest, Name, Provenance, VerificationLevel};

/// A database beside the live one, restored from a backup and verified, or empty.
pub struct ShadowDatabase {
    /// Name of the shadow database.
    pub database: String,
    /// Connection options, as the role that migrates.
    pub options: PgConnectOptions,
    /// Manifest of the restored backup; `None` if the database is empty.
    pub manifest: Option<Manifest>,
    /// Lock that prevents other restores from dropping it as a leftover.
    pub(super) exclusive: Exclusive,
}

/// Encoding and locale of the backed-up database.
#[derive(sqlx::FromRow)]
pub(super) struct SourceLocale {
    encoding: String,
    collate: String,
    ctype: String,
}

impl SourceLocale {
    fn from_manifest(manifest: &Manifest) -> Self {
        let Provenance { encoding, collate, ctype, .. } = manifest.made.clone();
        Self { encoding, collate, ctype }
    }

    /// Locale for a new database on a server with locale `wanted`. If both are C.UTF-8, its provider is used;
    /// otherwise libc, since a manifest names no provider.
    fn on(&self, wanted: DatabaseLocale) -> DatabaseLocale {
        let is_wanted = [&self.collate, &self.ctype].iter().all(|name| is_c_utf8(name));
        if is_wanted && self.encoding == wanted.encoding {
            return wanted;
        }
        let Self { encoding, collate, ctype } = self;
        DatabaseLocale {
            encoding: encoding.clone(),
            provider: "libc".to_owned(),
            collate: collate.clone(),
            ctype: ctype.clone(),
            locale: None,
        }
    }
}

/// Whether the name is a spelling of `C.UTF-8`.
fn is_c_utf8(name: &str) -> bool {
    ["c.utf-8", "c.utf8"].contains(&name.to_ascii_lowercase().as_str())
}

impl Config {
    /// [`restore_beside_in`](Self::restore_beside_in), with a new exclusive lock on the server of `live`.
    pub async fn restore_beside(
        &self,
        name: &Name,
        live: &PgConnectOptions,
        into: Option<&str>,
    ) -> Result<ShadowDatabase, Error> {
        let exclusive = Exclusive::enter(live, "nexo restore", LOCK_TIMEOUT, |_| ()).await?;
        self.restore_beside_in(exclusive, name, into).await
    }

    /// Restores a backup into a new database beside the live one, and verifies it. `into` names it; without, the
    /// next restore drops it as a leftover.
    pub async fn restore_beside_in(
        &self,
        exclusive: Exclusive,
        name: &Name,
        into: Option<&str>,
    ) -> Result<ShadowDatabase, Error> {
        Box::pin(self.make_beside(exclusive, name, into)).await // boxed: a large future, awaited within others
    }

    async fn make_beside(
        &self,
        mut exclusive: Exclusive,
        name: &Name,
        into: Option<&str>,
    ) -> Result<ShadowDatabase, Error> {
        if let Some(into) = into {
            exclusive.insist_unused_name(into).await?;
        }
        self.local.prepare()?;
        self.local.sweep()?;
        let manifest = match self.intact(name).await {
            Ok(manifest) => manifest,
            Err(refused) => {
                self.note_failure(name, &refused, VerificationLevel::Hashes).await;
                return Err(refused);
            }
        };
        let live = exclusive.live_options.clone();
        lacks(&live, &manifest).await?;
        let unpacked = UnpackedDump::unpack(self, &manifest).await?;
        exclusive.drop_leftovers().await?;
        let database = match into {
            Some(into) => into.to_owned(),
            None => exclusive.free_name("side", self.now()).await?.0,
        };
        exclusive.create(&database, &SourceLocale::from_manifest(&manifest)).await?;
        let options = live.clone().database(&database);
        let made = async {
            ::db::admit_services(&options).await?;
            load(self, &unpacked, &manifest, &options).await?;
            compare(self, &manifest, &options).await?;
            ::db::grant_reader(&options).await.map_err(Error::Database)
        };
        if let Err(failed) = made.await {
            exclusive.drop_database(&database).await?;
            exclusive.leave().await?;
            return Err(failed);
        }
        if into.is_some() {
            exclusive.note_into(&database, name, self.now()).await?;
        }
        Ok(ShadowDatabase { database, options, manifest: Some(manifest), exclusive })
    }

    /// Creates an empty database beside the live one, with the same encoding and locale.
    pub async fn empty_beside(
        &self,
        mut exclusive: Exclusive,
    ) -> Result<(ShadowDatabase, PgConnectOptions), Error> {
        exclusive.drop_leftovers().await?;
        let database = exclusive.free_name("side", self.now()).await?.0;
        let locale = exclusive.locale().await?;
        exclusive.create(&database, &locale).await?;
        let options = exclusive.live_options.clone().database(&database);
        ::db::admit_services(&options).await?;
        Ok((ShadowDatabase { database, options: options.clone(), manifest: None, exclusive }, options))
    }
}

impl Exclusive {
    /// Name for keeping the live database, and its time. The time is later than that of every kept database,
    /// whatever the clock says, because an undo selects the latest.
    pub(super) async fn name_to_keep(
        &mut self,
        kind: Kind,
        now: OffsetDateTime,
    ) -> Result<(String, OffsetDateTime), Error> {
        let latest = self.kept().await?.first().map(|kept| kept.at + Duration::SECOND);
        let kind = if kind == Kind::Undone { "undone" } else { "before" };
        self.free_name(kind, latest.map_or(now, |latest| latest.max(now))).await
    }

    /// Unused name such as `nexo_side_20260203040506`; the timestamp is advanced until it is unique.
    async fn free_name(&mut self, kind: &str, at: OffsetDateTime) -> Result<(String, OffsetDateTime), Error> {
        for later in 0..600 {
            let at = at + Duration::seconds(later);
            let stamp = at.format(STAMP).unwrap_or_default();
            let name = format!("{}_{kind}_{stamp}", self.live);
            let (taken,): (bool,) =
                sqlx::query_as("select exists (select from pg_database where right(datname::text, 14) = $1)")
                    .bind(&stamp)
                    .fetch_one(&mut self.conn)
                    .await?;
            if !taken {
                return Ok((name, at));
            }
        }
        Err(Error::NoName(kind.to_owned()))
    }

    async fn insist_unused_name(&mut self, database: &str) -> Result<(), Error> {
        let (taken,): (bool,) = sqlx::query_as("select exists (select from pg_database where datname = $1)")
            .bind(database)
            .fetch_one(&mut self.conn)
            .await?;
        if taken { Err(Error::Taken(database.to_owned())) } else { Ok(()) }
    }

    /// Sets the database comment, so that it is listed, and dropped after a week.
    async fn note_into(&mut self, database: &str, from: &Name, at: OffsetDateTime) -> Result<(), Error> {
        let note = DatabaseComment {
            nexo: self.live.clone(),
            kind: Kind::Into,
            at,
            reason: format!("restored from {from}"),
        };
        let (statement,): (String,) = sqlx::query_as("select format('comment on database %I is %L', $1, $2)")
            .bind(database)
            .bind(serde_json::to_string(&note)?)
            .fetch_one(&mut self.conn)
            .await?;
        self.conn.execute(AssertSqlSafe(statement)).await?;
        Ok(())
    }

    /// Encoding and locale of the live database.
    async fn locale(&mut self) -> Result<SourceLocale, Error> {
        let locale = sqlx::query_as(
            "select pg_encoding_to_char(encoding) as encoding, datcollate::text as collate, datctype::text as ctype
             from pg_database where datname = $1",
        );
        Ok(locale.bind(&self.live).fetch_one(&mut self.conn).await?)
    }

    /// Creates an empty database with this encoding and locale; uses the template that a superuser prepared, if
    /// its locale matches.
    async fn create(&mut self, database: &str, locale: &SourceLocale) -> Result<(), Error> {
        let wanted = locale.on(DatabaseLocale::wanted(&mut self.conn).await?);
        let prepared = DatabaseLocale::read(&mut self.conn, ::db::TEMPLATE).await?;
        let template = if prepared.as_ref() == Some(&wanted) { ::db::TEMPLATE } else { "template0" };
        let (statement,): (String,) =
            sqlx::query_as("select format('create database %I owner nexo_owner template %I ', $1, $2)")
                .bind(database)
                .bind(template)
                .fetch_one(&mut self.conn)
                .await?;
        self.conn.execute(AssertSqlSafe(statement + &wanted.clauses())).await?;
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

    /// Drops databases left by interrupted restores; the exclusive lock ensures that none is in use.
    async fn drop_leftovers(&mut self) -> Result<(), Error> {
        let prefix = format!("{}_side_", self.live);
        let names: Vec<(String,)> = sqlx::query_as(
            "select datname::text from pg_database where starts_with(datname::text, $1)
               and substr(datname::text, length($1) + 1) ~ '^[0-9]{14}$' order by 1 desc",
        )
        .bind(&prefix)
        .fetch_all(&mut self.conn)
        .await?;
        for (database,) in names {
            self.drop_database(&database).await?;
        }
        Ok(())
    }
}

impl ShadowDatabase {
    /// Drops the database and releases the lock.
    pub async fn discard(mut self) -> Result<(), Error> {
        self.exclusive.drop_database(&self.database).await?;
        self.exclusive.leave().await
    }

    /// Leaves the database in place and releases the lock.
    pub async fn keep(self) -> Result<(), Error> {
        self.exclusive.leave().await
    }
}
