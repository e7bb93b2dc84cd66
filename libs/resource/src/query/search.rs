//! Full-text search (`q`) within a time limit; incomplete results are marked as partial.

use std::time::Duration;

use db::{Bindings, Error, ReadView, Result, SqlError, TenantTx};
use uuid::Uuid;

use super::{costly::StatementTimeout, unanswerable};
use crate::Schema;

/// Timeout of the index search. Most searches take a tenth of it; long texts with many near matches take longer.
const BY_INDEX: Duration = Duration::from_millis(300);
/// Maximum length of a search text.
const MAX_SEARCH_CHARS: usize = 200;
/// Maximum number of matches that `app.search_…` returns.
const MAX_MATCHES: usize = 1_000;

/// A validated search text, and the fields to search in.
#[derive(Debug)]
pub(super) struct SearchTerms {
    pub(super) q: String,
    /// Fields that the caller may see; `None` if they may see all of them.
    through: Option<Vec<&'static str>>,
}

/// Ids of the records that a search found.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) ids: Vec<Uuid>,
    /// Whether there may be more matches.
    pub(super) partial: bool,
}

impl SearchTerms {
    /// Validates `q`. Hidden fields are not searched, because matches would disclose their values.
    pub(super) fn new(schema: &Schema, q: String, view: &ReadView) -> Result<Self> {
        if schema.search_fields.is_empty() {
            return Err(unanswerable("q", "is not supported here"));
        }
        let seen: Vec<_> =
            schema.search_fields.iter().copied().filter(|field| !view.hidden.hide(field)).collect();
        if seen.is_empty() {
            return Err(unanswerable("q", "looks through fields of which you may see none"));
        }
        let words = q.chars().any(char::is_alphanumeric)
            && q.chars().count() <= MAX_SEARCH_CHARS
            && !q.contains('\0');
        if !words {
            let problem =
                format!("is not 1 to {MAX_SEARCH_CHARS} characters with a letter or digit among them");
            return Err(unanswerable("q", problem));
        }
        Ok(Self { q, through: Some(seen).filter(|seen| seen.len() < schema.search_fields.len()) })
    }

    /// Searches by the index; on a timeout, scans the newest records within another time limit.
    pub(super) async fn find(&self, schema: &Schema, tx: &mut TenantTx) -> Result<Matches> {
        let part = tx.savepoint()?;
        tx.set_statement_timeout(BY_INDEX);
        match self.ask(schema, tx, "search").await {
            Ok(ids) => {
                tx.release(part);
                tx.set_statement_timeout(StatementTimeout::COSTLY);
                let partial = ids.len() >= MAX_MATCHES;
                Ok(Matches { ids, partial })
            }
            Err(error) if StatementTimeout::is_over(&error) => {
                tx.rollback_to(part);
                tx.set_statement_timeout(StatementTimeout::COSTLY);
                Ok(Matches { ids: self.ask(schema, tx, "look_through").await?, partial: true })
            }
            Err(error) => Err(Error::from(error)),
        }
    }

    async fn ask(&self, schema: &Schema, tx: &mut TenantTx, how: &str) -> Result<Vec<Uuid>, SqlError> {
        let mut row = Bindings::default();
        row.bind(&self.q);
        row.bind(self.through.as_ref());
        let text = format!("select id from app.{how}_{}($1, $2)", schema.table());
        let found: Vec<(Uuid,)> = tx.generated_call(text, row).all().await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }
}
