//! Advisory locks of migrations, backups and backfills, and their holders.

use std::fmt;

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

/// Advisory lock of the migration runner.
pub const MIGRATION_LOCK: i64 = 0x6e65_786f_0000_0001;
/// Advisory lock between backups and migrations, because a dump locks every table. Migrations take it exclusively,
/// backups in shared mode.
pub const BACKUP_LOCK: i64 = 0x6e65_786f_0000_0002;
/// Advisory lock of backfills.
pub(crate) const BACKFILL_LOCK: i64 = 0x6e65_786f_0000_0003;

/// Session that holds a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct LockHolder {
    /// Process id of the server process.
    pub pid: i32,
    /// Application name of the session.
    pub application: String,
    /// Client address of the session.
    pub client: String,
    /// Current or last query of the session.
    pub query: String,
    /// Time since the query started, in seconds.
    pub age_seconds: i64,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: String =
            self.query.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
        let Self { pid, application, client, age_seconds, .. } = self;
        write!(f, "pid {pid}, {application} from {client}, for {age_seconds} s in: {query}")
    }
}

/// Other session that holds this advisory lock in the database.
pub async fn holder(conn: &mut PgConnection, key: i64) -> Result<Option<LockHolder>, sqlx::Error> {
    sqlx::query_as(
        "select l.pid, coalesce(a.application_name, '') as application,
                coalesce(host(a.client_addr), 'local') as client, coalesce(a.query, '') as query,
                coalesce(extract(epoch from now() - a.query_start), 0)::bigint as age_seconds
         from pg_locks l left join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.pid <> pg_backend_pid()
           and l.database = (select oid from pg_database where datname = current_database())
           and (l.classid::bigint << 32) | l.objid::bigint = $1
         limit 1",
    )
    .bind(key)
    .fetch_optional(conn)
    .await
}
