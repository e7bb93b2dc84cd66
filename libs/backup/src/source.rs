//! The source database of a backup, read in a single snapshot.

use sqlx::{Connection as _, Executor as _, FromRow, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Duration, Instant, sleep};

use crate::{Error, Extension, config::server_of, tables};

/// A transaction with an exported snapshot.
pub(crate) struct Source {
    pub(crate) conn: PgConnection,
    pub(crate) snapshot: String,
    pub(crate) server: u32,
    pub(crate) facts: DatabaseInfo,
    pub(crate) schema_version: Option<String>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) roles: Vec<String>,
    pub(crate) tables: Vec<String>,
}

#[derive(FromRow)]
pub(crate) struct DatabaseInfo {
    pub(crate) database: String,
    pub(crate) encoding: String,
    pub(crate) collate: String,
    pub(crate) ctype: String,
    pub(crate) bytes: i64,
}

/// Timeout for the lock of a running migration.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

impl Source {
    /// Opens the snapshot. `alone` takes the shared lock against migrations; otherwise the caller is the
    /// migration.
    pub(crate) async fn open(database: &PgConnectOptions, alone: bool) -> Result<Self, Error> {
        let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup")).await?;
        let server = server_of(&mut conn).await?;
        privileged(&mut conn).await?;
        if alone {
            share_lock(&mut conn).await?;
        }
        conn.execute("begin isolation level repeatable read, read only").await?;
        let (snapshot,): (String,) =
            sqlx::query_as("select pg_export_snapshot()").fetch_one(&mut conn).await?;
        let facts = sqlx::query_as(
            "select datname::text as database, pg_encoding_to_char(encoding) as encoding, datcollate::text as collate,
                    datctype::text as ctype, pg_database_size(oid) as bytes
             from pg_database where datname = current_database()",
        )
        .fetch_one(&mut conn)
        .await?;
        let extensions = sqlx::query_as(
            "select extname::text as name, extversion as version from pg_extension where extname <> 'plpgsql' order by 1",
        )
        .fetch_all(&mut conn)
        .await?;
        let tables = tables::names(&mut conn).await?;
        readable(&mut conn).await?;
        Ok(Self {
            snapshot,
            server,
            facts,
            schema_version: schema_version(&mut conn).await?,
            extensions,
            roles: roles(&mut conn).await?,
            tables,
            conn,
        })
    }

    /// Releases the snapshot and the lock.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        self.conn.execute("commit").await?;
        Ok(self.conn.close().await?)
    }
}

/// Fails if the role is subject to row security, which would silently hide rows.
async fn privileged(conn: &mut PgConnection) -> Result<(), Error> {
    let (role, free): (String, bool) = sqlx::query_as(
        "select rolname::text, rolsuper or rolbypassrls from pg_roles where rolname = current_user",
    )
    .fetch_one(conn)
    .await?;
    if free { Ok(()) } else { Err(Error::HeldBack(role)) }
}

async fn readable(conn: &mut PgConnection) -> Result<(), Error> {
    let (role, unreadable): (String, Option<String>) = sqlx::query_as(
        "select current_user::text, string_agg(c.oid::regclass::text, ', ' order by c.oid) filter (where n <= 5)
         from (select c.oid, row_number() over (order by c.oid) as n
               from pg_class c join pg_namespace s on s.oid = c.relnamespace
               where c.relkind in ('r', 'p') and s.nspname !~ '^pg_' and s.nspname <> 'information_schema'
                 and not (has_schema_privilege(s.oid, 'usage') and has_table_privilege(c.oid, 'select'))) c",
    )
    .fetch_one(conn)
    .await?;
    match unreadable {
        Some(tables) => Err(Error::Unreadable { role, tables }),
        None => Ok(()),
    }
}

/// Takes the backup lock in shared mode; migrations take it exclusively.
async fn share_lock(conn: &mut PgConnection) -> Result<(), Error> {
    let end = Instant::now() + LOCK_TIMEOUT;
    loop {
        let (taken,): (bool,) = sqlx::query_as("select pg_try_advisory_lock_shared($1)")
            .bind(migrate::BACKUP_LOCK)
            .fetch_one(&mut *conn)
            .await?;
        if taken {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(Error::Busy(
                migrate::lock_holder(conn, migrate::BACKUP_LOCK).await?.unwrap_or_default(),
            ));
        }
        sleep(Duration::from_millis(300)).await;
    }
}

async fn schema_version(conn: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let (there,): (bool,) = sqlx::query_as("select to_regclass('ops.migration_history') is not null")
        .fetch_one(&mut *conn)
        .await?;
    if !there {
        return Ok(None);
    }
    let (version,) = sqlx::query_as("select max(version) filter (where success) from ops.migration_history")
        .fetch_one(conn)
        .await?;
    Ok(version)
}

/// Owners, grantees and roles named by policies, except superusers and predefined roles.
async fn roles(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let roles: Vec<(String,)> = sqlx::query_as(
        "select distinct r.rolname::text from pg_shdepend d join pg_roles r on r.oid = d.refobjid
         where d.refclassid = 'pg_authid'::regclass and d.dbid = (select oid from pg_database where datname = current_database())
           and r.rolname !~ '^pg_' and d.classid <> 'pg_default_acl'::regclass
           and not r.rolsuper order by 1",
    )
    .fetch_all(conn)
    .await?;
    Ok(roles.into_iter().map(|(role,)| role).collect())
}
