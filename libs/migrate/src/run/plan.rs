//! What is to be done: the files against the history.

use super::apply::Job;
use crate::{
    Error, Migrations, Missing, Version,
    error::Reason,
    file::{Manner, Release},
    history::Row,
};

/// The migrations that are not applied, oldest first; or why none may be.
pub(crate) fn pending<'m>(
    migrations: &'m Migrations,
    history: &[Row],
    release: Option<Release>,
) -> Result<Vec<Job<'m>>, Error> {
    for row in history {
        known(migrations, row, release)?;
    }
    let newest = history.iter().filter(|row| row.stands()).map(|row| &row.version).max();
    let pending = migrations.iter().filter(|migration| !stands(history, &migration.version));
    pending
        .map(|migration| match newest {
            Some(newest) if migration.version.to_string() < *newest => Err(Error::OutOfOrder {
                file: migration.file().to_owned(),
                newest: newest.parse().unwrap_or_else(|_| migration.version.clone()),
            }),
            _ => go_on(Job::up(migration), history),
        })
        .collect()
}

/// What failed or broke off, and has no file here: whoever has it must go on with it.
pub(crate) fn unknown_failures<'h>(migrations: &Migrations, history: &'h [Row]) -> Vec<&'h Row> {
    let has_file =
        |row: &Row| row.version.parse().is_ok_and(|version: Version| migrations.find(&version).is_some());
    history.iter().filter(|row| row.is_unsettled() && !has_file(row)).collect()
}

pub(crate) fn stands(history: &[Row], version: &Version) -> bool {
    let version = version.to_string();
    history.iter().any(|row| row.version == version && row.stands())
}

/// A file without transaction goes on where it broke off, if that is known for certain.
fn go_on<'m>(job: Job<'m>, history: &[Row]) -> Result<Job<'m>, Error> {
    let version = job.migration.version.to_string();
    let Some(row) = history.iter().find(|row| row.version == version && row.broke_off()) else {
        return Ok(job);
    };
    let (file, from) = (job.migration.file().to_owned(), row.reached());
    if from > 0 && row.checksum != job.migration.checksum {
        return Err(Error::EditedMidway { file, done: from, version: job.migration.version.clone() });
    }
    let manner = job.script.statements.get(from).and_then(Manner::of);
    if from > 0 && !job.script.directives.no_transaction || manner == Some(Manner::Unknown) {
        let reason = Reason(row.error_message.clone());
        let version = job.migration.version.clone();
        return Err(Error::Unfinished { file, statement: row.statement, reason, version });
    }
    Ok(Job { from, was_cut: row.was_cut(), ..job })
}

fn known(migrations: &Migrations, row: &Row, release: Option<Release>) -> Result<(), Error> {
    let migration = row.version.parse().ok().and_then(|version| migrations.find(&version));
    match (migration, row.version.parse()) {
        (Some(migration), _) if row.stands() && row.checksum != migration.checksum => {
            let file = migration.file().to_owned();
            let (applied, present) = (row.checksum.clone(), migration.checksum.clone());
            Err(Error::Edited { file, applied, present })
        }
        (Some(migration), _) if row.stands() && row.name != migration.name => {
            Err(Error::Renamed { applied: row.file(), present: migration.file().to_owned() })
        }
        (None, Ok::<Version, _>(_)) if row.stands() && !serves(row, release) => {
            Err(Error::Missing(Missing::of(row, migrations, release)))
        }
        _ => Ok(()), // as it should be, or never applied
    }
}

/// Whether the schema that a newer release made is one that `release` can work with: its file says so.
pub(crate) fn serves(row: &Row, release: Option<Release>) -> bool {
    let needs: Option<Release> = row.min_app.as_deref().and_then(|text| text.parse().ok());
    needs.zip(release).is_some_and(|(needs, release)| needs <= release)
}
