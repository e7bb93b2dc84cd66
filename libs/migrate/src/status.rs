use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, Holder, Migration, Migrations, Release,
    backfill::Progress,
    history,
    history::Row,
    run::{lock, plan},
};

/// Where a database stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Every migration that the files or the history know.
    pub migrations: Vec<Line>,
    /// Who migrates at this moment.
    pub lock: Option<Holder>,
    /// Why the history cannot be trusted, if it was changed by hand.
    pub tampered: Option<String>,
}

/// One migration.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
    /// Who decided that by hand, and why; `None`: the runner did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// How far its backfill is, if it has one and is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Progress>,
}

/// What an operator decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// How a migration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Part of the schema.
    Applied,
    /// To be applied.
    Pending,
    /// To be applied, but older than what is.
    OutOfOrder,
    /// Refused at this statement, or broken off there.
    Failed {
        /// From 1.
        statement: i32,
        /// What the server said; `None`: the process was killed.
        error: Option<String>,
        /// Whether this program has its file.
        known: bool,
    },
    /// Applied, and its file has another name now.
    Renamed {
        /// The file's name when it was applied.
        applied: String,
    },
    /// Applied, and its file is another now.
    Edited {
        /// The checksum in the history.
        applied: String,
        /// The checksum of the file.
        present: String,
    },
    /// Applied by a newer release, whose schema this one may work with.
    Newer,
    /// Applied, and there is no such file.
    Missing,
}

impl Status {
    /// Whether the schema is what the files give, and the history is whole. A backfill may still run.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.tampered.is_none()
            && self.migrations.iter().all(|line| matches!(line.state, State::Applied | State::Newer))
    }
}

/// Compares the files with the history of a database, as `release` sees it.
pub async fn status(
    database: &PgConnectOptions,
    migrations: &Migrations,
    release: Option<Release>,
) -> Result<Status, Error> {
    let mut conn = PgConnection::connect_with(database).await?;
    let tampered = match history::verify(&mut conn).await {
        Err(Error::Tampered(why)) => Some(why),
        other => other.map(|()| None)?,
    };
    let history = history::read(&mut conn).await?;
    let lock = lock::holder(&mut conn, lock::MIGRATION_LOCK).await?;
    conn.close().await?;
    Ok(Status { migrations: lines(migrations, &history, release), lock, tampered })
}

fn lines(migrations: &Migrations, history: &[Row], release: Option<Release>) -> Vec<Line> {
    let newest =
        history.iter().filter(|row| row.stands()).map(|row| row.version.clone()).max().unwrap_or_default();
    let mut lines: Vec<Line> = migrations
        .iter()
        .map(|migration| {
            let version = migration.version.to_string();
            let row = history.iter().find(|row| row.version == version);
            let state = state(row, migration, version < newest);
            let backfill = backfill(row, migration);
            Line { version, name: migration.name.clone(), state, decided: row.and_then(decided), backfill }
        })
        .collect();
    let without_file = history.iter().filter(|row| !lines.iter().any(|line| line.version == row.version));
    let without_file: Vec<_> = without_file
        .filter_map(|row| {
            Some(Line {
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

/// `None`: it was taken back, so that nothing of it is there.
fn state_without_file(row: &Row, release: Option<Release>) -> Option<State> {
    if row.stands() {
        return Some(if plan::serves(row, release) { State::Newer } else { State::Missing });
    }
    row.is_unsettled().then(|| failed(row, false))
}

fn failed(row: &Row, known: bool) -> State {
    State::Failed { statement: row.statement, error: row.error_message.clone(), known }
}

fn state(row: Option<&Row>, migration: &Migration, is_older: bool) -> State {
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

fn decided(row: &Row) -> Option<Decided> {
    Some(Decided { actor: row.actor.clone()?, reason: row.reason.clone()? })
}

fn backfill(row: Option<&Row>, migration: &Migration) -> Option<Progress> {
    let row = row.filter(|row| row.stands() && migration.up.directives.backfill.is_some())?;
    Some(row.backfill.as_ref().map(|progress| progress.0.clone()).unwrap_or_default())
}
