//! What `q` finds: within a moment, in whatever is there. Where that was not enough, it says so.

use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use uuid::Uuid;

use super::{costly::Patience, unanswerable};
use crate::{Error, Resource, Result, Row, Sql, TenantTx, View};

/// How long the index is asked. Most answers take a tenth of it: it is for long texts, in which every word is nearly found.
const BY_INDEX: Duration = Duration::from_millis(300);
/// The longest that is looked for.
const LONGEST: usize = 200;
/// `app.search_…` gives no more.
const MOST: usize = 1_000;

/// What somebody looks for, and where.
#[derive(Debug)]
pub(super) struct LookedFor {
    pub(super) q: String,
    /// The fields that they may see, where these are not all.
    through: Option<Vec<&'static str>>,
}

/// The records that were found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) ids: Vec<Uuid>,
    /// Whether there may be others.
    pub(super) partial: bool,
}

impl LookedFor {
    /// What `q` says. A field that is hidden is not looked through: a search would tell what it holds.
    pub(super) fn of<R: Resource>(q: String, view: &View) -> Result<Self> {
        if R::SEARCHED.is_empty() {
            return Err(unanswerable("q", "cannot be asked here"));
        }
        let seen: Vec<_> = R::SEARCHED.iter().copied().filter(|field| !view.hidden.hide(field)).collect();
        if seen.is_empty() {
            return Err(unanswerable("q", "looks through fields of which you may see none"));
        }
        let words = q.chars().any(char::is_alphanumeric) && q.chars().count() <= LONGEST && !q.contains('\0');
        if !words {
            let problem = format!("is not 1 to {LONGEST} characters with a letter or digit among them");
            return Err(unanswerable("q", problem));
        }
        Ok(Self { q, through: Some(seen).filter(|seen| seen.len() < R::SEARCHED.len()) })
    }

    /// By the index; where that takes too long, by looking through the newest records for a moment.
    pub(super) async fn find<R: Resource>(&self, tx: &mut TenantTx) -> Result<Found> {
        let part = tx.begin_part_within(BY_INDEX).await?;
        match self.ask::<R>(tx, "search").await {
            Ok(ids) => {
                tx.keep_part_within(part, Patience::COSTLY).await?;
                let partial = ids.len() >= MOST;
                Ok(Found { ids, partial })
            }
            Err(error) if Patience::is_over(&error) => {
                tx.undo_part(part).await?;
                tx.wait(Patience::COSTLY).await?;
                Ok(Found { ids: self.ask::<R>(tx, "look_through").await?, partial: true })
            }
            Err(error) => Err(Error::from(error)),
        }
    }

    async fn ask<R: Resource>(&self, tx: &mut TenantTx, how: &str) -> Result<Vec<Uuid>, sqlx::Error> {
        let mut row = Row::default();
        row.put(&self.q);
        row.put(self.through.as_ref());
        let text = format!("select id from app.{how}_{}($1, $2)", R::PLURAL);
        let found: Vec<(Uuid,)> = Sql::new(tx, AssertSqlSafe(text).into_sql_str(), row).all().await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }
}
