//! Planning: compares the files with the history.

use super::planned::PlannedScript;
use crate::{
    HistoryError, Migrations, MissingMigration, Release, Version, error::ServerMessage, file::ExecutionMode,
    history::HistoryRow,
};

/// Pending migrations, oldest first; fails if the history forbids to apply them.
pub(crate) fn pending<'m>(
    migrations: &'m Migrations,
    history: &[HistoryRow],
    release: Option<Release>,
) -> Result<Vec<PlannedScript<'m>>, HistoryError> {
    for row in history {
        known(migrations, row, release)?;
    }
    let newest = history.iter().filter(|row| row.stands()).map(|row| &row.version).max();
    let pending = migrations.iter().filter(|migration| !stands(history, &migration.version));
    pending
        .map(|migration| match newest {
            Some(newest) if migration.version.to_string() < *newest => Err(HistoryError::OutOfOrder {
                file: migration.file().to_owned(),
                newest: newest.parse().unwrap_or_else(|_| migration.version.clone()),
            }),
            _ => go_on(PlannedScript::up(migration), history),
        })
        .collect()
}

/// Failed or interrupted migrations without a file here: a program with the file must resume them.
pub(crate) fn unknown_failures<'h>(
    migrations: &Migrations,
    history: &'h [HistoryRow],
) -> Vec<&'h HistoryRow> {
    let has_file = |row: &HistoryRow| {
        row.version.parse().is_ok_and(|version: Version| migrations.find(&version).is_some())
    };
    history.iter().filter(|row| row.is_unsettled() && !has_file(row)).collect()
}

pub(crate) fn stands(history: &[HistoryRow], version: &Version) -> bool {
    let version = version.to_string();
    history.iter().any(|row| row.version == version && row.stands())
}

/// Resumes an interrupted file without transaction, if its progress is known for certain.
fn go_on<'m>(job: PlannedScript<'m>, history: &[HistoryRow]) -> Result<PlannedScript<'m>, HistoryError> {
    let version = job.migration.version.to_string();
    let Some(row) = history.iter().find(|row| row.version == version && row.broke_off()) else {
        return Ok(job);
    };
    let (file, from) = (job.migration.file().to_owned(), row.reached());
    if from > 0 && row.checksum != job.migration.checksum {
        return Err(HistoryError::EditedMidway { file, done: from, version: job.migration.version.clone() });
    }
    let manner = job.script.statements.get(from).and_then(ExecutionMode::from_statement);
    if from > 0 && !job.script.directives.no_transaction || manner == Some(ExecutionMode::Unknown) {
        let reason = ServerMessage(row.error_message.clone());
        let version = job.migration.version.clone();
        return Err(HistoryError::Unfinished { file, statement: row.statement, reason, version });
    }
    Ok(PlannedScript { from, was_cut: row.was_cut(), ..job })
}

fn known(migrations: &Migrations, row: &HistoryRow, release: Option<Release>) -> Result<(), HistoryError> {
    let migration = row.version.parse().ok().and_then(|version| migrations.find(&version));
    match (migration, row.version.parse()) {
        (Some(migration), _) if row.stands() && row.checksum != migration.checksum => {
            let file = migration.file().to_owned();
            let (applied, present) = (row.checksum.clone(), migration.checksum.clone());
            Err(HistoryError::Edited { file, applied, present })
        }
        (Some(migration), _) if row.stands() && row.name != migration.name => {
            Err(HistoryError::Renamed { applied: row.file(), present: migration.file().to_owned() })
        }
        (None, Ok::<Version, _>(_)) if row.stands() && !serves(row, release) => {
            Err(HistoryError::Missing(missing(row, migrations, release)))
        }
        _ => Ok(()), // unchanged, or never applied
    }
}

fn missing(row: &HistoryRow, migrations: &Migrations, release: Option<Release>) -> MissingMigration {
    let applied_by: Option<Release> = row.app_version.parse().ok();
    MissingMigration {
        file: row.file(),
        folder: migrations.folder().map(ToOwned::to_owned),
        needs: row.min_app.clone(),
        applied_by: row.app_version.clone(),
        newer: applied_by.zip(release).is_none_or(|(theirs, ours)| theirs > ours),
    }
}

/// Whether `release` works with the schema of a newer release, as declared in the file.
pub(crate) fn serves(row: &HistoryRow, release: Option<Release>) -> bool {
    let needs: Option<Release> = row.min_app.as_deref().and_then(|text| text.parse().ok());
    needs.zip(release).is_some_and(|(needs, release)| needs <= release)
}
