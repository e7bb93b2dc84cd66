//! Whether a backup is needed: a way back that holds the same is as good as another one.
//!
//! What decides is content: the hash of every table, as when the backup was taken. Counters of PostgreSQL would be cheaper
//! and are not sound: its statistics are written late and lost in a crash, and a transaction number or a position in the
//! log says nothing after a restore. The audit log and the other tables that every change touches are compared first, so
//! that a database somebody works with costs one or two tables.

use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{Config, Entry, Error, Manifest, Name, Origin, Stage, Table, Watch, tables};

/// What commands write beside every try. A restore brings the operators' log along, and the others are of no account.
const BOOKKEEPING: [&str; 3] = ["ops.migration_history", "ops.operator_log", "ops.schedule"];

impl Config {
    /// The newest way back of another command that holds what `database` holds now, and was read to its end.
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

/// A later one that holds something else would be in the way: the database has changed in between.
fn is_newest(entry: &Entry, entries: &[Entry]) -> bool {
    entries.iter().filter(|other| other.origin == Origin::Command).all(|other| other.name <= entry.name)
}

async fn holds_the_same(manifest: &Manifest, database: &PgConnectOptions) -> Result<bool, Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup unchanged")).await?;
    conn.execute("begin isolation level repeatable read, read only").await?;
    let same = same_rows(&mut conn, manifest).await?;
    conn.execute("commit").await?;
    conn.close().await?;
    Ok(same && migrate::fingerprint(&migrate::things(database).await?) == manifest.fingerprint)
}

async fn same_rows(conn: &mut PgConnection, manifest: &Manifest) -> Result<bool, Error> {
    let names = tables::names(conn).await?;
    if names.len() != manifest.tables.len() {
        return Ok(false);
    }
    let counter = Watch::default().counter(Stage::Compare, 0);
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

/// Whether nearly every change and login writes to it.
fn written_by_all(table: &str) -> bool {
    ["audit_log", "audit_chains", "sessions"].iter().any(|part| table.contains(part))
}
