use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, HistoryError, LockHolder, Migration, Migrations, Progress, Release,
    advisory_locks::{MIGRATION_LOCK, holder},
    history,
    history::HistoryRow,
    run::plan,
};

/// Migration status of a database.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// All migrations in files or history.
    pub migrations: Vec<MigrationStatus>,
    /// Session that is migrating now.
    pub lock: Option<LockHolder>,
    /// Description of tampering, if the history was modified by hand.
    pub tampered: Option<String>,
}

/// Status of one migration.
#[derive(Debug, Clone, Serialize)]
pub struct MigrationStatus {
    /// Version of the migration.
    pub version: String,
    /// Name of the migration, as in its file name.
    pub name: String,
    /// Present state of the migration.
    #[serde(flatten)]
    pub state: State,
    /// Manual decision of an operator; `None` if the runner set the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<OperatorDecision>,
    /// Progress of its backfill, if it has one and is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Progress>,
}

/// Manual decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorDecision {
    /// Name of the deciding operator.
    pub actor: String,
    /// Reason that the operator gave.
    pub reason: String,
}

/// State of a migration in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Applied, and its file is unchanged.
    Applied,
    /// Pending: not applied yet.
    Pending,
    /// Not applied, but older than an applied one.
    OutOfOrder,
    /// Failed or interrupted at this statement.
    Failed {
        /// Number of the statement, from 1.
        statement: i32,
        /// Error of the server; `None` if the process was killed.
        error: Option<String>,
        /// Whether this program has the file.
        known: bool,
    },
    /// Applied, but the file was renamed.
    Renamed {
        /// Name of the file when it was applied.
        applied: String,
    },
    /// Applied, but the file was edited.
    Edited {
        /// Checksum that the history has.
        applied: String,
        /// Checksum of the present file.
        present: String,
    },
    /// Applied by a newer release whose schema is compatible with this one.
    Newer,
    /// Applied, but the file is missing.
    Missing,
}

impl Status {
    /// Whether the schema matches the files and the history is intact. A backfill may still be running.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.tampered.is_none()
            && self.migrations.iter().all(|line| matches!(line.state, State::Applied | State::Newer))
    }
}

/// Compares the files with the history of a database, as seen by `release`.
pub async fn status(
    database: &PgConnectOptions,
    migrations: &Migrations,
    release: Option<Release>,
) -> Result<Status, Error> {
    let mut conn = PgConnection::connect_with(database).await?;
    let tampered = match history::verify(&mut conn).await {
        Err(Error::History(HistoryError::Tampered(why))) => Some(why),
        other => other.map(|()| None)?,
    };
    let history = history::read(&mut conn).await?;
    let lock = holder(&mut conn, MIGRATION_LOCK).await?;
    conn.close().await?;
    Ok(Status { migrations: lines(migrations, &history, release), lock, tampered })
}

fn lines(migrations: &Migrations, history: &[HistoryRow], release: Option<Release>) -> Vec<MigrationStatus> {
    let newest =
        history.iter().filter(|row| row.stands()).map(|row| row.version.clone()).max().unwrap_or_default();
    let mut lines: Vec<MigrationStatus> = migrations
        .iter()
        .map(|migration| {
            let version = migration.version.to_string();
            let row = history.iter().find(|row| row.version == version);
            let state = state(row, migration, version < newest);
            let backfill = backfill(row, migration);
            MigrationStatus {
                version,
                name: migration.name.clone(),
                state,
                decided: row.and_then(decided),
                backfill,
            }
        })
        .collect();
    let without_file = history.iter().filter(|row| !lines.iter().any(|line| line.version == row.version));
    let without_file: Vec<_> = without_file
        .filter_map(|row| {
            Some(MigrationStatus {
                version: row.version.clone(),
                name: row.name.clone(),
                state: state_without_file(row, release)?,
                decided: decided(row),
                backfill: None,
            })
        })
        .collect();
    lines.extend(without_file);
    lines.sort_by(|one, other| one.version.cmp(&other.version));
    lines
}

/// State of a migration without a file; `None` if it was rolled back.
fn state_without_file(row: &HistoryRow, release: Option<Release>) -> Option<State> {
    if row.stands() {
        return Some(if plan::serves(row, release) { State::Newer } else { State::Missing });
    }
    row.is_unsettled().then(|| failed(row, false))
}

fn failed(row: &HistoryRow, known: bool) -> State {
    State::Failed { statement: row.statement, error: row.error_message.clone(), known }
}

fn state(row: Option<&HistoryRow>, migration: &Migration, is_older: bool) -> State {
    match row {
        Some(row) if row.stands() && row.checksum != migration.checksum => {
            State::Edited { applied: row.checksum.clone(), present: migration.checksum.clone() }
        }
        Some(row) if row.stands() && row.name != migration.name => State::Renamed { applied: row.file() },
        Some(row) if row.stands() => State::Applied,
        Some(row) if row.is_unsettled() => failed(row, true),
        _ if is_older => State::OutOfOrder,
        _ => State::Pending,
    }
}

fn decided(row: &HistoryRow) -> Option<OperatorDecision> {
    Some(OperatorDecision { actor: row.actor.clone()?, reason: row.reason.clone()? })
}

fn backfill(row: Option<&HistoryRow>, migration: &Migration) -> Option<Progress> {
    let row = row.filter(|row| row.stands() && migration.up.directives.backfill.is_some())?;
    Some(row.backfill.as_ref().map(|progress| progress.0.clone()).unwrap_or_default())
}
