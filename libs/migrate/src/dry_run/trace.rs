//! Traces the effects of a statement with data of the server: `pg_locks`, `relfilenode`, scan counts.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use crate::file::ExecutionMode;

/// Effects of a statement on tables that existed before its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockTrace {
    /// New locks, which the file did not hold before.
    pub locks: Vec<Lock>,
    /// Tables that are rewritten.
    pub rewrites: Vec<String>,
    /// Tables that are scanned sequentially.
    pub scans: Vec<String>,
    /// Reason why nothing is known, if so.
    pub untraced: Option<&'static str>,
}

/// A lock on a table, with its mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// Qualified name of the table.
    pub table: String,
    /// Lock mode as in `pg_locks`.
    pub mode: String,
}

impl Lock {
    /// Whether the lock blocks writers.
    #[must_use]
    pub fn keeps_writers_out(&self) -> bool {
        ["AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"].contains(&&*self.mode)
    }

    /// Description of what the lock blocks (PostgreSQL documentation, table 13.2).
    #[must_use]
    pub fn blocks(&self) -> &'static str {
        match self.mode.as_str() {
            "AccessExclusiveLock" => "blocks reads and writes",
            "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => "blocks writes",
            "ShareUpdateExclusiveLock" => "blocks other schema changes",
            _ => "blocks neither reads nor writes",
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {}", self.mode, self.table, self.blocks())
    }
}

impl LockTrace {
    pub(crate) fn tables(&self) -> Vec<String> {
        let mut tables: Vec<_> = self.locks.iter().map(|lock| lock.table.clone()).collect();
        tables.extend(self.rewrites.iter().chain(&self.scans).cloned());
        tables.sort();
        tables.dedup();
        tables
    }
}

/// Tables that exist before a file: names and OIDs.
pub(crate) type Tables = BTreeMap<String, i64>;

pub(crate) async fn tables(conn: &mut PgConnection) -> Result<Tables, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select c.oid::regclass::text, c.oid::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'",
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// State of a table within a transaction.
#[derive(FromRow)]
struct TableState {
    table: String,
    file: i64,
    scans: i64,
    modes: Vec<String>,
}

pub(crate) struct TableSnapshot(BTreeMap<String, TableState>);

pub(crate) async fn look(conn: &mut PgConnection, tables: &Tables) -> Result<TableSnapshot, sqlx::Error> {
    let (names, oids): (Vec<_>, Vec<_>) = tables.iter().map(|(name, oid)| (name.clone(), *oid)).unzip();
    let states: Vec<TableState> = sqlx::query_as(
        "select t.name as table, coalesce(pg_relation_filenode(t.oid::oid::regclass), 0)::bigint as file,
                coalesce(pg_stat_get_xact_numscans(t.oid::oid), 0) as scans,
                array(select l.mode from pg_locks l where l.locktype = 'relation' and l.granted and l.pid = pg_backend_pid()
                      and l.relation = t.oid::oid order by l.mode) as modes
         from unnest($1::text[], $2::bigint[]) as t (name, oid)",
    )
    .bind(names)
    .bind(oids)
    .persistent(false)
    .fetch_all(conn)
    .await?;
    Ok(TableSnapshot(states.into_iter().map(|state| (state.table.clone(), state)).collect()))
}

impl TableSnapshot {
    /// Effects between this snapshot and a later one.
    pub(crate) fn until(&self, after: &Self) -> LockTrace {
        let mut trace = LockTrace::default();
        for (table, now) in &after.0 {
            let before = self.0.get(table);
            let held = |mode: &&String| before.is_none_or(|before| !before.modes.contains(mode));
            let new = now.modes.iter().filter(held);
            trace.locks.extend(new.map(|mode| Lock { table: table.clone(), mode: mode.clone() }));
            if before.is_some_and(|before| before.file != now.file && now.file != 0) {
                trace.rewrites.push(table.clone());
            }
            if before.is_some_and(|before| before.scans < now.scans) {
                trace.scans.push(table.clone());
            }
        }
        trace
    }
}

/// Trace of a statement that cannot run in a transaction: its locks are released before they can be observed.
pub(crate) fn outside(manner: &ExecutionMode) -> LockTrace {
    match manner {
        ExecutionMode::BuildsIndex(index) => LockTrace {
            locks: vec![Lock { table: index.table.clone(), mode: "ShareUpdateExclusiveLock".to_owned() }],
            scans: vec![index.table.clone()],
            ..LockTrace::default()
        },
        _ => LockTrace { untraced: Some("it runs outside of a transaction"), ..LockTrace::default() },
    }
}
