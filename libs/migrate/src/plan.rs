//! What is to be done: the files against the history.

use crate::{Error, Migration, Migrations, error::Reason, history::Row};

/// The migrations that are not applied, oldest first; or why none may be.
pub(crate) fn pending<'m>(migrations: &'m Migrations, history: &[Row]) -> Result<Vec<&'m Migration>, Error> {
    for row in history {
        known(migrations, row)?;
    }
    let newest = history.iter().filter(|row| row.stands()).map(|row| &row.version).max();
    let pending = migrations.iter().filter(|migration| !stands(history, migration));
    pending
        .map(|migration| match newest {
            Some(newest) if migration.version.to_string() < *newest => Err(Error::OutOfOrder {
                file: migration.file(),
                newest: newest.parse().unwrap_or_else(|_| migration.version.clone()),
            }),
            _ => Ok(migration),
        })
        .collect()
}

fn stands(history: &[Row], migration: &Migration) -> bool {
    let version = migration.version.to_string();
    history.iter().any(|row| row.version == version && row.stands())
}

fn known(migrations: &Migrations, row: &Row) -> Result<(), Error> {
    let migration = row.version.parse().ok().and_then(|version| migrations.find(&version));
    let Some(migration) = migration else {
        return match row.version.parse() {
            Ok(version) if row.stands() => Err(Error::Missing { version, name: row.name.clone() }),
            _ => Ok(()), // it was never applied, and its file is gone
        };
    };
    if row.broke_off() {
        let reason = Reason(row.error_message.clone());
        return Err(Error::Unfinished { file: migration.file(), statement: row.statement, reason });
    }
    if row.stands() && row.checksum != migration.checksum {
        let (applied, present) = (row.checksum.clone(), migration.checksum.clone());
        return Err(Error::Edited { file: migration.file(), applied, present });
    }
    Ok(())
}
