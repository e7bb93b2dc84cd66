//! Statements that revoke sessions or their tokens. After the commit, the gateway is notified of them.

use kernel::SessionId;
use revocation::RevokedTokens;
use sqlx::{Encode, Postgres, SqlSafeStr as _, Type, types::time::OffsetDateTime};

use crate::{
    Result, Sql, TenantTx,
    statement::{contains, ends_with},
};

/// A statement that revokes sessions of the account `$1`, or increments their epoch. It ends with `ENDED`.
#[derive(Debug, Clone, Copy)]
pub struct SessionRevocation(&'static str);

/// Returning clause that such a statement must end with.
const ENDED: &str = "returning id, epoch, revoked_at";
type Row = (SessionId, i32, Option<OffsetDateTime>);

impl SessionRevocation {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or it does not return the revoked sessions.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(is_ending(text), "a statement that ends no session is a TenantCommand");
        assert!(ends_with(text, ENDED), "end with `returning id, epoch, revoked_at`");
        Self(text)
    }
}

/// Whether the statement invalidates tokens that were valid before.
pub(crate) const fn is_ending(text: &str) -> bool {
    contains(text, "update app.sessions")
        && (contains(text, "revoked_at = ") || contains(text, "epoch = epoch + 1"))
}

impl TenantTx {
    /// Prepares a revocation of sessions; listeners are notified after the commit.
    pub fn revoke_sessions(&mut self, text: SessionRevocation) -> RevokeSessions<'_> {
        RevokeSessions(self.statement(text.0.into_sql_str()))
    }
}

/// A prepared revocation of sessions, not yet sent.
#[must_use = "a statement does nothing until it is sent"]
pub struct RevokeSessions<'t>(Sql<'t, Row>);

impl RevokeSessions<'_> {
    /// Binds the next parameter: `$2`, `$3`, …
    pub fn bind<'v>(self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) -> Self {
        Self(self.0.bind(value))
    }

    /// Executes the statement and returns the number of affected sessions.
    pub async fn run(self) -> Result<usize> {
        let Sql { tx, text, row, .. } = self.0;
        let ended: Vec<Row> = tx.conn.fetch_all(text, row.values()?).await?;
        let account = tx.inside.account;
        tx.ended.extend(ended.iter().map(|(session, epoch, revoked)| match revoked {
            Some(_) => RevokedTokens::entire_session(account, *session),
            None => RevokedTokens::before(account, *session, *epoch),
        }));
        Ok(ended.len())
    }
}
