//! Transactions that begin before an account is known.

use std::sync::Arc;

use kernel::{AccountId, UserId};
use uuid::Uuid;

use super::{BoundStatement, OpenTx, TenantTx};
use crate::{
    AccessScope, Bindings, Error, FromRow, LookupFunction, Result, context::RequestContext,
    listeners::Listeners,
};

/// Reason for beginning a transaction outside of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A person signs up and creates an account.
    SignUp,
    /// An operator seeds the first data.
    Seed,
    /// A person authenticates with a password, or with a token from an e-mail.
    SignIn,
    /// A session presents its refresh token.
    Refresh,
    /// A person switches to another of their accounts, or ends their sessions there.
    OwnAccounts,
    /// A person changes their own password, address or membership, with a token from an e-mail or from another
    /// account.
    OwnChange,
    /// Signing keys are read or created.
    SigningKeys,
    /// A consumer handles an event in the account where it happened.
    Event,
    /// A worker claims a job that is due, and runs it on behalf of the person who started it.
    Jobs,
    /// The gateway looks up an account's rate limit.
    Limits,
}

impl Reason {
    /// Whether it is refused in maintenance mode. Logins and revocations are allowed, and so is work that follows
    /// from an earlier write.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::SignUp | Self::OwnChange | Self::Jobs)
    }
}

/// A transaction outside of any account: row security hides all rows; only lookup functions may be called.
#[must_use = "a transaction that is not entered does nothing"]
pub struct SystemTx {
    conn: OpenTx,
    cursors: Arc<aws_lc_rs::hmac::Key>,
    listeners: Arc<Listeners>,
}

impl SystemTx {
    pub(crate) fn new(conn: OpenTx, cursors: Arc<aws_lc_rs::hmac::Key>, listeners: Arc<Listeners>) -> Self {
        Self { conn, cursors, listeners }
    }

    /// Calls a lookup function; `fill` binds its arguments.
    pub async fn ask<T>(
        &mut self,
        text: LookupFunction,
        fill: impl FnOnce(&mut Bindings),
    ) -> Result<Option<T>>
    where
        T: FromRow,
    {
        let mut row = Bindings::default();
        fill(&mut row);
        Ok(self.conn.fetch_optional(BoundStatement::new(text.0, row)).await?)
    }

    /// As [`ask`](Self::ask), and commits what the function has written, in the same round trip. For functions that count or
    /// look up: if the connection is lost, whether they did is of no consequence, and the error says that a retry may
    /// succeed.
    pub async fn ask_and_commit<T>(
        self,
        text: LookupFunction,
        fill: impl FnOnce(&mut Bindings),
    ) -> Result<Option<T>>
    where
        T: FromRow,
    {
        let mut row = Bindings::default();
        fill(&mut row);
        self.conn.commit_with(BoundStatement::new(text.0, row)).await.map_err(|error| match error {
            Error::OutcomeUnknown(cause) => Error::Unavailable(Box::new(cause)),
            other => other,
        })
    }

    /// Commits what the lookup functions have written.
    pub async fn commit(self) -> Result<()> {
        self.conn.commit(None).await
    }

    /// Enters one account, within the same transaction.
    pub fn enter(mut self, account: AccountId, user: UserId, request: Uuid) -> TenantTx {
        let inside = RequestContext { account, user, request };
        self.conn.enter(inside);
        TenantTx::new(self.conn, inside, self.cursors, self.listeners, AccessScope::WHOLE)
    }
}
