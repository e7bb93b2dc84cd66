//! Statements that are limited to one account, checked at compile time.

use std::marker::PhantomData;

use sqlx::{Encode, FromRow, Postgres, SqlStr, Type, postgres::PgRow};

use crate::{Bindings, Change, Record, Resource, Result, TenantTx, session_revocation::is_ending};

/// A query of one account, `$1`. It does not compile without the account, or if it writes.
#[derive(Debug, Clone, Copy)]
pub struct TenantQuery(pub(crate) &'static str);

/// A statement that writes rows of one account, `$1`. It does not compile without the account.
#[derive(Debug, Clone, Copy)]
pub struct TenantCommand(pub(crate) &'static str);

/// A call of a database function that is allowed before an account is known, or that determines the account
/// itself.
#[derive(Debug, Clone, Copy)]
pub struct LookupFunction(pub(crate) &'static str);

impl TenantQuery {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or the statement writes.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(
            starts_with(text, "select ") || starts_with(text, "with "),
            "a statement that reads begins with select or with"
        );
        assert!(!writes(text), "a statement that writes is a TenantCommand");
        Self(text)
    }
}

impl TenantCommand {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or the statement revokes sessions.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(!is_ending(text), "a statement that ends sessions is a SessionRevocation");
        Self(text)
    }
}

impl LookupFunction {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If it is not a call of a function in schema `app`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(
            starts_with(text, "select ") && contains(text, "from app.") && contains(text, "("),
            "call a function of schema app"
        );
        assert!(
            !contains(text, " where ") && !contains(text, " join "),
            "a look-up is a call and nothing more"
        );
        Self(text)
    }
}

/// Whether `text` contains a writing keyword of SQL; `for update` locks and writes nothing.
const fn writes(text: &str) -> bool {
    let mut at = 0;
    while at < text.len() {
        let changes = word_at(text, "update", at) && !(at >= 4 && matches_at(text, "for ", at - 4));
        let adds_or_removes = word_at(text, "insert", at)
            || word_at(text, "delete", at)
            || word_at(text, "merge", at)
            || word_at(text, "truncate", at);
        if changes || adds_or_removes {
            return true;
        }
        at += 1;
    }
    false
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn word_at(text: &str, word: &str, at: usize) -> bool {
    const fn in_word(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_'
    }
    let end = at + word.len();
    let bytes = text.as_bytes();
    end <= bytes.len()
        && matches_at(text, word, at)
        && (at == 0 || !in_word(bytes[at - 1]))
        && (end == bytes.len() || !in_word(bytes[end]))
}

pub(crate) const fn contains(text: &str, part: &str) -> bool {
    let mut at = 0;
    while at + part.len() <= text.len() {
        if matches_at(text, part, at) {
            return true;
        }
        at += 1;
    }
    false
}

const fn starts_with(text: &str, part: &str) -> bool {
    part.len() <= text.len() && matches_at(text, part, 0)
}

pub(crate) const fn ends_with(text: &str, part: &str) -> bool {
    part.len() <= text.len() && matches_at(text, part, text.len() - part.len())
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn matches_at(text: &str, part: &str, at: usize) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut same = 0;
    while same < part.len() && text[at + same].to_ascii_lowercase() == part[same] {
        same += 1;
    }
    same == part.len()
}

/// A prepared statement with its parameters, not yet sent.
#[must_use = "a statement does nothing until it is sent"]
pub struct Sql<'t, T> {
    pub(crate) tx: &'t mut TenantTx,
    pub(crate) text: SqlStr,
    pub(crate) row: Bindings,
    answers: PhantomData<fn() -> T>,
}

impl<'t, T> Sql<'t, T> {
    pub(crate) fn new(tx: &'t mut TenantTx, text: SqlStr, row: Bindings) -> Self {
        Self { tx, text, row, answers: PhantomData }
    }

    /// Binds the next parameter: `$2`, `$3`, … of a statement; `$1`, `$2`, … of a lookup.
    pub fn bind<'v>(mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        self.row.bind(value);
        self
    }

    /// Executes the statement and returns the number of affected rows.
    pub async fn run(self) -> Result<u64, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.execute(self.text, values).await
    }
}

impl<T: for<'r> FromRow<'r, PgRow> + Send + Unpin> Sql<'_, T> {
    /// Fetches the row; `None` if there is none.
    pub async fn optional(self) -> Result<Option<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_optional(self.text, values).await
    }

    /// Fetches all rows of the result.
    pub async fn all(self) -> Result<Vec<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_all(self.text, values).await
    }

    /// Fetches all rows, without caching the prepared statement: its text is unlikely to recur.
    pub(crate) async fn all_once(self) -> Result<Vec<T>, sqlx::Error> {
        let values = self.row.values()?;
        self.tx.conn.fetch_all_once(self.text, values).await
    }
}

/// A prepared statement that changes records, not yet sent.
#[must_use = "a statement does nothing until it is sent"]
pub struct Write<'t, R>(pub(crate) Sql<'t, Record<R>>);

impl<R: Resource> Write<'_, R> {
    /// Binds the next parameter: `$2`, `$3`, …
    pub fn bind<'v>(self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        Self(self.0.bind(value))
    }

    /// Executes the statement; audits the returned records and publishes their events.
    pub async fn all(self) -> Result<Vec<Record<R>>> {
        let Sql { tx, text, row, .. } = self.0;
        let written: Vec<Record<R>> = tx.conn.fetch_all(text, row.values()?).await?;
        for record in &written {
            tx.audit(Change::from_records("changed", None, record));
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_writing_is_known_wherever_it_stands() {
        for text in [
            "update app.t set a = 1",
            "with gone as (delete\nfrom app.t) select 1",
            "with new as (INSERT  INTO app.t values (1)) select 1",
            "with a as (update app.t set a = 1) select 1 for update",
            "merge into app.t using s on true when matched then delete",
        ] {
            assert!(writes(text), "{text}");
        }
        for text in [
            "select updated_at, deleted_at from app.t",
            "select 1 from app.t for update",
            "select inserted from app.t",
        ] {
            assert!(!writes(text), "{text}");
        }
    }
}
