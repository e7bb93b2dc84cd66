//! Databases beside the live one: those kept by restores and undos, and those made with `--into`.

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Executor as _, FromRow};
use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

use super::Exclusive;
use crate::{Error, retention::WAY_BACK};

/// A database beside the live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDatabase {
    /// Name of the kept database.
    pub database: String,
    /// Reason for its existence.
    pub kind: Kind,
    /// Time at which it was created or stopped being live.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Operation that was performed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Size of the database on disk in bytes.
    pub bytes: i64,
    /// Number of current sessions.
    pub sessions: i64,
}

/// Reason for a database beside the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Live before a restore or a reset.
    Before,
    /// Live before an undo of a restore.
    Undone,
    /// Created by a restore with `--into`.
    Into,
}

/// Comment on such a database, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DatabaseComment {
    /// Name of the live database that it belongs to.
    pub(super) nexo: String,
    pub(super) kind: Kind,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    /// The JSON name is that of databases kept by earlier releases.
    #[serde(rename = "because")]
    pub(super) reason: String,
}

/// Timestamp format in database names.
pub(super) const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day][hour][minute][second]");

#[derive(FromRow)]
struct Row {
    database: String,
    comment: Option<String>,
    bytes: i64,
    sessions: i64,
}

/// Includes databases kept by releases before 0.2, which have no comment and a timestamp in their name.
const KEPT: &str = "
    select d.datname::text as database, shobj_description(d.oid, 'pg_database') as comment, pg_database_size(d.oid) as bytes,
           (select count(*) from pg_stat_activity a where a.datid = d.oid and a.backend_type = 'client backend') as sessions
    from pg_database d
    where d.datname <> $1 and not d.datistemplate and d.datallowconn
      and pg_has_role(d.datdba, 'usage')
      and (starts_with(d.datname::text, $1 || '_before_') or starts_with(d.datname::text, $1 || '_undone_')
           or shobj_description(d.oid, 'pg_database') like '{\"nexo\":%')";

impl Exclusive {
    /// Lists these databases, the most recently live one first.
    pub async fn kept(&mut self) -> Result<Vec<KeptDatabase>, Error> {
        let rows: Vec<Row> = sqlx::query_as(KEPT).bind(&self.live).fetch_all(&mut self.conn).await?;
        let mut kept: Vec<KeptDatabase> = rows.into_iter().filter_map(|row| self.read(row)).collect();
        kept.sort_by(|one, other| (other.at, &other.database).cmp(&(one.at, &one.database)));
        Ok(kept)
    }

    fn read(&self, row: Row) -> Option<KeptDatabase> {
        let Row { database, comment, bytes, sessions } = row;
        let note = comment.and_then(|text| serde_json::from_str::<DatabaseComment>(&text).ok());
        let (kind, at, reason) = match note {
            Some(DatabaseComment { nexo, kind, at, reason }) if nexo == self.live => (kind, at, Some(reason)),
            _ => self.by_name(&database).map(|(kind, at)| (kind, at, None))?,
        };
        Some(KeptDatabase { database, kind, at, reason, bytes, sessions })
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

    /// Databases that retention drops: kept for more than a week before `now`, and without sessions.
    pub async fn outlived(&mut self, now: Option<OffsetDateTime>) -> Result<Vec<KeptDatabase>, Error> {
        let Some(now) = now else { return Ok(Vec::new()) };
        let mut kept = self.kept().await?;
        kept.retain(|one| one.sessions == 0 && now - one.at >= WAY_BACK);
        Ok(kept)
    }

    /// Drops a kept database; fails if it has sessions.
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

impl KeptDatabase {
    /// Description on one line.
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
