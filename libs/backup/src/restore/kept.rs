//! Databases beside the live one: what restores and undos have kept, and what `--into` has made.

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Executor as _, FromRow};
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339};

use super::{Exclusive, beside::STAMP};
use crate::{Error, retention::WAY_BACK};

/// A database beside the live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub database: String,
    /// How it came to be here.
    pub kind: Kind,
    /// When it was made, or stopped being live.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was done then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its size on disk.
    pub bytes: i64,
    /// Sessions that are in it now.
    pub sessions: i64,
}

/// How a database came to be beside the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was live before a restore or a reset.
    Before,
    /// It was live before an undo.
    Undone,
    /// A restore made it beside (`--into`).
    Into,
}

/// The comment on such a database.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// The live database that it belongs to.
    pub(super) nexo: String,
    pub(super) kind: Kind,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    /// Stored under the name that databases kept by earlier releases have.
    #[serde(rename = "because")]
    pub(super) reason: String,
}

#[derive(FromRow)]
struct Row {
    database: String,
    comment: Option<String>,
    bytes: i64,
    sessions: i64,
}

/// Also those that a release before 0.2 has kept, which have no comment, and their moment in their name.
const KEPT: &str = "
    select d.datname::text as database, shobj_description(d.oid, 'pg_database') as comment, pg_database_size(d.oid) as bytes,
           (select count(*) from pg_stat_activity a where a.datid = d.oid and a.backend_type = 'client backend') as sessions
    from pg_database d
    where d.datname <> $1 and not d.datistemplate and d.datallowconn
      and pg_has_role(d.datdba, 'usage')
      and (starts_with(d.datname::text, $1 || '_before_') or starts_with(d.datname::text, $1 || '_undone_')
           or shobj_description(d.oid, 'pg_database') like '{\"nexo\":%')";

impl Exclusive {
    /// All of them, the one that was live last first.
    pub async fn kept(&mut self) -> Result<Vec<Kept>, Error> {
        let rows: Vec<Row> = sqlx::query_as(KEPT).bind(&self.live).fetch_all(&mut self.conn).await?;
        let mut kept: Vec<Kept> = rows.into_iter().filter_map(|row| self.read(row)).collect();
        kept.sort_by(|one, other| (other.at, &other.database).cmp(&(one.at, &one.database)));
        Ok(kept)
    }

    fn read(&self, row: Row) -> Option<Kept> {
        let Row { database, comment, bytes, sessions } = row;
        let note = comment.and_then(|text| serde_json::from_str::<Note>(&text).ok());
        let (kind, at, reason) = match note {
            Some(Note { nexo, kind, at, reason }) if nexo == self.live => (kind, at, Some(reason)),
            _ => self.by_name(&database).map(|(kind, at)| (kind, at, None))?,
        };
        Some(Kept { database, kind, at, reason, bytes, sessions })
    }

    fn by_name(&self, database: &str) -> Option<(Kind, OffsetDateTime)> {
        let rest = database.strip_prefix(&*self.live)?.strip_prefix('_')?;
        let (kind, stamp) = rest.split_once('_')?;
        let kind = match kind {
            "before" => Kind::Before,
            "undone" => Kind::Undone,
            _ => return None,
        };
        Some((kind, PrimitiveDateTime::parse(stamp, STAMP).ok()?.assume_utc()))
    }

    /// Those that retention drops: kept for more than a week before `now`, and nobody is in them.
    pub async fn outlived(&mut self, now: Option<OffsetDateTime>) -> Result<Vec<Kept>, Error> {
        let Some(now) = now else { return Ok(Vec::new()) };
        let mut kept = self.kept().await?;
        kept.retain(|one| one.sessions == 0 && now - one.at >= WAY_BACK);
        Ok(kept)
    }

    /// Drops one of them. One that somebody is in stays.
    pub async fn drop_kept(&mut self, database: &str) -> Result<(), Error> {
        let kept = self.kept().await?.into_iter().find(|one| one.database == database);
        let kept = kept.ok_or_else(|| Error::NotKept(database.to_owned()))?;
        if kept.sessions > 0 {
            return Err(Error::HasSessions(kept.database));
        }
        let (statement,): (String,) = sqlx::query_as("select format('drop database %I', $1)")
            .bind(&kept.database)
            .fetch_one(&mut self.conn)
            .await?;
        self.conn.execute(AssertSqlSafe(statement)).await?;
        tracing::info!(database = kept.database, "dropped a database that was kept");
        Ok(())
    }
}

impl Kept {
    /// In a line.
    #[must_use]
    pub fn about(&self) -> String {
        let at = self.at.format(&Rfc3339).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        match self.kind {
            Kind::Before | Kind::Undone => format!("live until {at}{reason}"),
            Kind::Into => format!("made at {at}{reason}"),
        }
    }
}
