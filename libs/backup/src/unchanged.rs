//! Detection of unchanged databases: an existing backup with the same content makes a new one unnecessary.
//!
//! Content decides: the hash of every table, as in the manifest. PostgreSQL's counters would be cheaper but are
//! unsound: statistics are written late and lost in a crash, and transaction ids or WAL positions mean nothing
//! after a restore. The audit log and other tables that every change touches are compared first, so that a
//! database in use costs one or two tables.

use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{Config, Error, ListedBackup, Manifest, Name, Origin, ProgressListener, Stage, Table, tables};

/// Tables that commands write on every attempt. The operator log is carried over by a restore; the others do not
/// matter.
const BOOKKEEPING: [&str; 3] = ["ops.migration_history", "ops.operator_log", "ops.schedule"];

impl Config {
    /// Finds the newest backup of a command that has the same content as `database` and was read completely.
    pub async fn still_good(&self, database: &PgConnectOptions) -> Result<Option<Name>, Error> {
        let entries = self.backups()?;
        let Some(entry) = entries.iter().find(|entry| entry.origin == Origin::Command && entry.was_read())
        else {
            return Ok(None);
        };
        let Some(manifest) = entry.manifest.as_ref().filter(|_| is_newest(entry, &entries)) else {
            return Ok(None);
        };
        if !holds_the_same(manifest, database).await? {
            return Ok(None);
        }
        let now = self.now();
        self.note(&entry.name, |status| status.needed_at = Some(now)).await?;
        Ok(Some(entry.name.clone()))
    }
}

/// Whether no later backup of a command exists: one would mean that the database has changed in between.
fn is_newest(entry: &ListedBackup, entries: &[ListedBackup]) -> bool {
    entries.iter().filter(|other| other.origin == Origin::Command).all(|other| other.name <= entry.name)
}

async fn holds_the_same(manifest: &Manifest, database: &PgConnectOptions) -> Result<bool, Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup unchanged")).await?;
    conn.execute("begin isolation level repeatable read, read only").await?;
    let same = same_rows(&mut conn, manifest).await?;
    conn.execute("commit").await?;
    conn.close().await?;
    Ok(same && migrate::fingerprint(&migrate::objects(database).await?) == manifest.fingerprint)
}

async fn same_rows(conn: &mut PgConnection, manifest: &Manifest) -> Result<bool, Error> {
    let names = tables::names(conn).await?;
    if names.len() != manifest.tables.len() {
        return Ok(false);
    }
    let counter = ProgressListener::default().counter(Stage::Compare, 0);
    let mut wanted: Vec<&Table> = manifest.tables.iter().collect();
    wanted.sort_by_key(|table| !written_by_all(&table.name));
    for table in wanted.into_iter().filter(|table| !BOOKKEEPING.contains(&&*table.name)) {
        if !names.contains(&table.name) {
            return Ok(false);
        }
        let now = tables::measure_all(conn, std::slice::from_ref(&table.name), manifest.hashed(), &counter);
        if now.await?.first() != Some(table) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nearly every change and login writes to the table.
fn written_by_all(table: &str) -> bool {
    ["audit_log", "audit_chains", "sessions"].iter().any(|part| table.contains(part))
}
