//! Statements that revoke sessions or their tokens. After the commit, the gateway is notified of them.

use kernel::SessionId;
use revocation::RevokedTokens;
use sqlx::{Encode, Postgres, Type, types::time::OffsetDateTime};

use super::{Sql, TenantTx};
use crate::{Result, SessionRevocation};

type Row = (SessionId, i32, Option<OffsetDateTime>);

impl TenantTx {
    /// Prepares a revocation of sessions; listeners are notified after the commit.
    pub fn revoke_sessions(&mut self, text: SessionRevocation) -> RevokeSessions<'_> {
        RevokeSessions(self.statement(text.0))
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
        let Sql { tx, statement, .. } = self.0;
        let ended: Vec<Row> = tx.conn.fetch_all(statement).await?;
        let account = tx.inside.account;
        tx.ended.extend(ended.iter().map(|(session, epoch, revoked)| match revoked {
            Some(_) => RevokedTokens::entire_session(account, *session),
            None => RevokedTokens::before(account, *session, *epoch),
        }));
        Ok(ended.len())
    }
}
