use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{Error, Holder, Migrations, history, history::Row, lock};

/// Where a database stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Every migration that the files or the history know.
    pub migrations: Vec<Line>,
    /// Who migrates at this moment.
    pub lock: Option<Holder>,
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
    /// Refused at this statement.
    Failed {
        /// From 1.
        statement: i32,
        /// What the server said.
        error: Option<String>,
    },
    /// Applied, and its file is another now.
    Edited,
    /// Applied, and there is no such file.
    Missing,
}

impl Status {
    /// Whether the schema is exactly what the files give.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.migrations.iter().all(|line| line.state == State::Applied)
    }
}

/// Compares the files with the history of a database.
pub async fn status(database: &PgConnectOptions, migrations: &Migrations) -> Result<Status, Error> {
    let mut conn = PgConnection::connect_with(database).await?;
    let history = history::read(&mut conn).await?;
    let lock = lock::holder(&mut conn, lock::MIGRATION_LOCK).await?;
    conn.close().await?;

    let newest =
        history.iter().filter(|row| row.stands()).map(|row| row.version.clone()).max().unwrap_or_default();
    let mut lines: Vec<Line> = migrations
        .iter()
        .map(|migration| {
            let version = migration.version.to_string();
            let row = history.iter().find(|row| row.version == version);
            let state = state(row, &migration.checksum, version < newest);
            Line { version, name: migration.name.clone(), state }
        })
        .collect();
    let strangers =
        history.iter().filter(|row| row.stands() && !lines.iter().any(|line| line.version == row.version));
    let strangers: Vec<_> = strangers
        .map(|row| Line { version: row.version.clone(), name: row.name.clone(), state: State::Missing })
        .collect();
    lines.extend(strangers);
    lines.sort_by(|one, other| one.version.cmp(&other.version));
    Ok(Status { migrations: lines, lock })
}

fn state(row: Option<&Row>, checksum: &str, is_older: bool) -> State {
    match row {
        Some(row) if row.stands() && row.checksum == checksum => State::Applied,
        Some(row) if row.stands() => State::Edited,
        Some(row) => State::Failed { statement: row.statement, error: row.error_message.clone() },
        None if is_older => State::OutOfOrder,
        None => State::Pending,
    }
}
