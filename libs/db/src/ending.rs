//! Statements that end sessions, or the tokens of one: whoever runs one tells the edge of it, once it is committed.

use kernel::SessionId;
use revocation::Ended;
use sqlx::{Encode, Postgres, SqlSafeStr as _, Type, types::time::OffsetDateTime};

use crate::{
    Result, Sql, TenantTx,
    statement::{contains, ends_with},
};

/// A statement that ends sessions of one account, its `$1`, or moves them on to another epoch. It returns what
/// [`ENDED`] says.
#[derive(Debug, Clone, Copy)]
pub struct Ending(&'static str);

/// What such a statement ends with.
const ENDED: &str = "returning id, epoch, revoked_at";
type Row = (SessionId, i32, Option<OffsetDateTime>);

impl Ending {
    /// Checks `text`, when it makes a `const`.
    ///
    /// # Panics
    ///
    /// When `account_id` or `$1` is missing, or it does not return which sessions it has ended.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(is_ending(text), "a statement that ends no session is a ScopedWrite");
        assert!(ends_with(text, ENDED), "end with `returning id, epoch, revoked_at`");
        Self(text)
    }
}

/// Whether tokens are good for nothing after this statement that were good before.
pub(crate) const fn is_ending(text: &str) -> bool {
    contains(text, "update app.sessions")
        && (contains(text, "revoked_at = ") || contains(text, "epoch = epoch + 1"))
}

impl TenantTx {
    /// A statement that ends sessions, which are told of when they are ended for good.
    pub fn end_sessions(&mut self, text: Ending) -> EndSessions<'_> {
        EndSessions(self.statement(text.0.into_sql_str()))
    }
}

/// A statement that ends sessions, on its way.
#[must_use = "a statement does nothing until it is sent"]
pub struct EndSessions<'t>(Sql<'t, Row>);

impl EndSessions<'_> {
    /// The next value: `$2`, `$3`, …
    pub fn bind<'v>(self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        Self(self.0.bind(value))
    }

    /// Sends it; tells how many sessions it concerned.
    pub async fn run(self) -> Result<usize> {
        let Sql { tx, text, row, .. } = self.0;
        let ended: Vec<Row> = tx.conn.fetch_all(text, row.values()?).await?;
        let account = tx.inside.account;
        tx.ended.extend(ended.iter().map(|(session, epoch, revoked)| match revoked {
            Some(_) => Ended::whole(account, *session),
            None => Ended::before(account, *session, *epoch),
        }));
        Ok(ended.len())
    }
}
