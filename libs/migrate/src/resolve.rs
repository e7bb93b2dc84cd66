use std::fmt;

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    Error, Migration, Migrations, Settings, Version,
    history::{self, Note, Row},
    run::{
        apply::ask,
        lock,
        session::{self, send},
    },
};

/// What an operator says of a migration that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was finished by hand: it counts as applied.
    Applied,
    /// It was undone by hand: it is pending again.
    RolledBack,
}

/// How far a migration came, for whoever decides about it.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// Its version.
    pub version: Version,
    /// The file's name.
    pub file: String,
    /// What its row says.
    pub state: String,
    /// Why the history cannot be trusted, if it was changed by hand.
    pub tampered: Option<String>,
    /// What the server said.
    pub error: Option<String>,
    /// Statements that are done.
    pub done: Vec<String>,
    /// The statement that broke off: nobody knows whether it is done.
    pub doubtful: Option<String>,
    /// Statements that were not sent.
    pub left: Vec<String>,
    /// Questions that must be true when it is applied.
    pub questions: Vec<String>,
}

impl fmt::Display for Standing {
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

/// How far `version` came. Changes nothing.
pub async fn standing(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
) -> Result<Standing, Error> {
    let migration = migrations.find(version).ok_or_else(|| Error::NoSuch(version.clone()))?;
    let mut conn = session::open(database).await?;
    let standing = look(&mut conn, migration).await?;
    conn.close().await?;
    Ok(standing)
}

async fn look(conn: &mut PgConnection, migration: &Migration) -> Result<Standing, Error> {
    let tampered = match history::verify(conn).await {
        Ok(()) => None,
        Err(Error::Tampered(why)) => Some(why),
        Err(other) => return Err(other),
    };
    let version = migration.version.to_string();
    let row = history::read(conn).await?.into_iter().find(|row| row.version == version);
    if tampered.is_none() {
        unsettled(migration, row.as_ref())?;
    }
    let script = &migration.up;
    let reached = row.as_ref().map_or(0, Row::reached);
    let kept = script.directives.no_transaction; // otherwise it was rolled back as a whole
    let text = |from: usize, to: usize| -> Vec<String> {
        let some = script.statements.iter().enumerate().take(to).skip(from);
        some.filter(|(at, _)| !script.is_question(*at)).map(|(_, one)| one.text.clone()).collect()
    };
    let all = script.statements.len();
    let (done, from) = if kept { (reached, reached + 1) } else { (0, 0) };
    Ok(Standing {
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

/// Only what failed or broke off is an operator's to decide.
fn unsettled(migration: &Migration, row: Option<&Row>) -> Result<(), Error> {
    let file = migration.file();
    match row {
        None => Err(Error::Settled(format!("{file} was never begun; run `nexo db migrate`"))),
        Some(row) if row.stands() => Err(Error::Settled(format!("{file} is applied"))),
        Some(row) if row.state == "rolled_back" => {
            Err(Error::Settled(format!("{file} is taken back already")))
        }
        Some(_) => Ok(()),
    }
}

/// Who decides, and why: both are kept in the history.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'d> {
    /// Who.
    pub actor: &'d str,
    /// Why.
    pub reason: &'d str,
}

/// Records the verdict of an operator about a migration that failed or broke off, or whose row was changed by hand.
/// It counts as applied only if what its verify block asks is true.
pub async fn resolve(
    database: &PgConnectOptions,
    migrations: &Migrations,
    version: &Version,
    verdict: Verdict,
    decision: Decision<'_>,
    settings: &Settings,
) -> Result<(), Error> {
    let migration = migrations.find(version).ok_or_else(|| Error::NoSuch(version.clone()))?;
    let mut conn = session::open(database).await?;
    lock::take(&mut conn, settings).await?;
    look(&mut conn, migration).await?;
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
    let note = Note { statement, actor, reason, ..Note::of(migration, state, &settings.app_version) };
    history::write(&mut conn, note).await?;
    send(&mut conn, "commit").await?;
    Ok(conn.close().await?)
}
