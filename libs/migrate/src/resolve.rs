use std::fmt;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, HistoryError, Migration, Migrations, RunOptions, Version,
    history::{self, HistoryEntry, HistoryRow},
    run::{lock, statement::ask},
    session::{self, send},
};

/// Decision of an operator about an interrupted migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was completed by hand, and counts as applied.
    Applied,
    /// It was reverted by hand, and is pending again.
    RolledBack,
}

/// Progress of a migration, for the decision of an operator.
#[derive(Debug, Clone, Serialize)]
pub struct UnresolvedMigration {
    /// Version of the migration.
    pub version: Version,
    /// Name of the migration file.
    pub file: String,
    /// State of its row in the history.
    pub state: String,
    /// Description of tampering, if the history was modified by hand.
    pub tampered: Option<String>,
    /// Error message of the server.
    pub error: Option<String>,
    /// Statements that were applied.
    pub done: Vec<String>,
    /// Interrupted statement, whose effect is unknown.
    pub doubtful: Option<String>,
    /// Statements that were not sent.
    pub left: Vec<String>,
    /// Verification queries that must return true before it counts as applied.
    pub questions: Vec<String>,
}

impl UnresolvedMigration {
    /// Without its file, the statements are unknown.
    fn without_file(version: &Version, row: HistoryRow) -> Self {
        Self {
            version: version.clone(),
            file: row.file(),
            state: row.state,
            tampered: None,
            error: row.error_message,
            done: Vec::new(),
            doubtful: None,
            left: Vec::new(),
            questions: Vec::new(),
        }
    }
}

impl fmt::Display for UnresolvedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.file, self.state)?;
        self.tampered.iter().try_for_each(|why| writeln!(f, "  the history was changed by hand: {why}"))?;
        self.error.iter().try_for_each(|error| writeln!(f, "  {}", error.replace('\n', "\n  ")))?;
        let lists = [
            ("done", &self.done),
            ("in doubt", &self.doubtful.clone().into_iter().collect()),
            ("not sent", &self.left),
            ("must be true", &self.questions),
        ];
        for (title, statements) in lists {
            for statement in statements {
                writeln!(f, "  {title:<12} {}", one_line(statement))?;
            }
        }
        Ok(())
    }
}

fn one_line(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect()
}

/// Reports the progress of `version` without changing anything.
pub async fn standing(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
) -> Result<UnresolvedMigration, Error> {
    let mut conn = session::open(database).await?;
    let standing = match migrations.find(version) {
        Some(migration) => look(&mut conn, migration).await?,
        None => UnresolvedMigration::without_file(version, withdrawn(&mut conn, version).await?),
    };
    conn.close().await?;
    Ok(standing)
}

/// Row of a failed or interrupted migration whose file is gone.
async fn withdrawn(conn: &mut PgConnection, version: &Version) -> Result<HistoryRow, Error> {
    let text = version.to_string();
    let rows = history::read(conn).await?;
    let row = rows.into_iter().find(|row| row.version == text && row.is_unsettled());
    row.ok_or_else(|| Error::NoSuch(version.clone()))
}

async fn look(conn: &mut PgConnection, migration: &Migration) -> Result<UnresolvedMigration, Error> {
    let tampered = match history::verify(conn).await {
        Ok(()) => None,
        Err(Error::History(HistoryError::Tampered(why))) => Some(why),
        Err(other) => return Err(other),
    };
    let version = migration.version.to_string();
    let rows = history::read(conn).await?;
    let newest = rows.iter().rev().find(|row| row.stands()).is_some_and(|row| row.version == version);
    let row = rows.into_iter().find(|row| row.version == version);
    if tampered.is_none() {
        unsettled(migration, row.as_ref(), newest)?;
    }
    let script = &migration.up;
    let reached = row.as_ref().map_or(0, HistoryRow::reached);
    let kept = script.directives.no_transaction; // otherwise it was rolled back as a whole
    let text = |from: usize, to: usize| -> Vec<String> {
        let some = script.statements.iter().enumerate().take(to).skip(from);
        some.filter(|(at, _)| !script.is_question(*at)).map(|(_, one)| one.text.clone()).collect()
    };
    let all = script.statements.len();
    let (done, from) = if kept { (reached, reached + 1) } else { (0, 0) };
    Ok(UnresolvedMigration {
        version: migration.version.clone(),
        file: migration.file().to_owned(),
        state: row.as_ref().map_or_else(|| "not in the history".to_owned(), |row| row.state.clone()),
        tampered,
        error: row.and_then(|row| row.error_message),
        done: text(0, done),
        doubtful: if kept { text(done, from).pop() } else { None },
        left: text(from, all),
        questions: script.directives.verify_from.map(|at| questions(migration, at)).unwrap_or_default(),
    })
}

fn questions(migration: &Migration, from: usize) -> Vec<String> {
    migration.up.statements.iter().skip(from).map(|question| question.text.clone()).collect()
}

/// Fails unless the migration was interrupted or failed: only then an operator has to decide. The newest one may be
/// decided anew, if an operator has noted it as applied.
fn unsettled(migration: &Migration, row: Option<&HistoryRow>, newest: bool) -> Result<(), Error> {
    let file = migration.file();
    match row {
        None => Err(Error::Settled(format!("{file} was never begun; run `nexo db migrate`"))),
        Some(row) if newest && row.state == "resolved" => Ok(()),
        Some(row) if row.stands() => Err(Error::Settled(format!("{file} is applied"))),
        Some(row) if row.state == "rolled_back" => {
            Err(Error::Settled(format!("{file} is taken back already")))
        }
        Some(_) => Ok(()),
    }
}

/// Operator and reason of a manual decision; both are stored in the history.
#[derive(Debug, Clone, Copy)]
pub struct ResolvedBy<'d> {
    /// Name of the deciding operator.
    pub actor: &'d str,
    /// Reason that the operator gave.
    pub reason: &'d str,
}

/// Records the decision of an operator about an interrupted or failed migration, or one whose row was modified by
/// hand. It counts as applied only if its verification queries return true.
pub async fn resolve(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
    verdict: Verdict,
    decision: ResolvedBy<'_>,
    settings: &RunOptions,
) -> Result<(), Error> {
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    let Some(migration) = migrations.find(version) else {
        let row = withdrawn(&mut conn, version).await?;
        if verdict == Verdict::Applied {
            return Err(Error::Withdrawn(row.file()));
        }
        send(&mut conn, "begin").await?;
        history::write_rolled_back(&mut conn, &row, &settings.app_version, decision.actor, decision.reason)
            .await?;
        send(&mut conn, "commit").await?;
        return Ok(conn.close().await?);
    };
    let standing = look(&mut conn, migration).await?;
    if verdict == Verdict::Applied && standing.state == "resolved" && standing.tampered.is_none() {
        return Err(Error::Settled(format!("{} is applied", standing.file)));
    }
    let state = match verdict {
        Verdict::Applied => "resolved",
        Verdict::RolledBack => "rolled_back",
    };
    send(&mut conn, "begin").await?;
    for at in (0..migration.up.statements.len())
        .filter(|at| verdict == Verdict::Applied && migration.up.is_question(*at))
    {
        ask(&mut conn, &migration.up, at).await?;
    }
    let (actor, reason) = (Some(decision.actor), Some(decision.reason));
    let statement = migration.up.statements.len();
    let note = HistoryEntry {
        statement,
        actor,
        reason,
        ..HistoryEntry::new(migration, state, &settings.app_version)
    };
    history::write(&mut conn, note).await?;
    send(&mut conn, "commit").await?;
    Ok(conn.close().await?)
}
