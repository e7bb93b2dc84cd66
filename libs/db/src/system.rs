//! The few operations that begin before an account is known.

use std::sync::Arc;

use kernel::{AccountId, UserId};
use sqlx::{FromRow, SqlSafeStr as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Db, LookUp, Result, Row, TenantTx,
    open_tx::{Access, OpenTx},
    reach::Reach,
    tx::{Inside, Listeners},
};

/// Why somebody may begin without being inside an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A person opens an account.
    SignUp,
    /// An operator makes the first data.
    Seed,
    /// A person shows who they are: by a password, or by a token that was mailed to them.
    SignIn,
    /// A session shows its refresh token.
    Refresh,
    /// A person turns to another account of theirs: comes in, or ends their sessions there.
    OwnAccounts,
    /// A person changes something of their own, by a token that was mailed to them or from another account: a password, an
    /// address, a membership.
    OwnChange,
    /// The keys that sign tokens are read, or made.
    SigningKeys,
    /// An event reaches somebody who works on it, in the account where it happened.
    Event,
    /// A process of a service looks for a job that is due, and works at it for whoever started it.
    Jobs,
    /// The gateway asks how often an account may ask.
    Limits,
}

/// Asks whether anybody may write at this moment.
const ADMIT: &str = "; execute admit_write_of_nobody";

impl Reason {
    /// Whether it waits until maintenance is over. Logins do not, nor what ends sessions or follows from a write before it.
    fn waits(self) -> bool {
        matches!(self, Self::SignUp | Self::OwnChange | Self::Jobs)
    }
}

/// A transaction that is inside no account: it sees no row, and may call the narrow look-ups.
#[must_use = "a transaction that is not entered does nothing"]
pub struct SystemTx {
    conn: OpenTx,
    cursors: Arc<aws_lc_rs::hmac::Key>,
    listeners: Arc<Listeners>,
}

impl Db {
    /// Begins outside of every account. Banned by lint: each use says why it is meant. What begins something new is refused
    /// in maintenance ([`Error::Maintenance`](crate::Error::Maintenance)).
    pub async fn system(&self, reason: Reason) -> Result<SystemTx> {
        tracing::debug!(?reason, "begins outside of every account");
        let nobody = Inside { account: Uuid::nil().into(), user: Uuid::nil().into(), request: Uuid::nil() };
        let opening = format!("{}{}", nobody.settings(), if reason.waits() { ADMIT } else { "" });
        let conn = OpenTx::begin(&self.pool, Access::Write, &opening).await?;
        Ok(SystemTx { conn, cursors: Arc::clone(&self.cursors), listeners: Arc::clone(&self.listeners) })
    }

    /// Begins inside an account that no principal names: as [`system`](Self::system), and entered in the same message.
    pub async fn system_inside(
        &self,
        reason: Reason,
        account: AccountId,
        user: UserId,
        request: Uuid,
    ) -> Result<TenantTx> {
        tracing::debug!(?reason, "begins without a principal");
        let inside = Inside { account, user, request };
        let conn = OpenTx::begin(&self.pool, Access::Write, &inside.settings()).await?;
        Ok(TenantTx::new(conn, inside, Arc::clone(&self.cursors), Arc::clone(&self.listeners), Reach::Whole))
    }
}

impl SystemTx {
    /// Asks a look-up; `fill` gives its arguments.
    pub async fn ask<T>(&mut self, text: LookUp, fill: impl FnOnce(&mut Row)) -> Result<Option<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut row = Row::default();
        fill(&mut row);
        Ok(self.conn.fetch_optional(text.0.into_sql_str(), row.values()?).await?)
    }

    /// Keeps what the look-ups have written.
    pub async fn commit(self) -> Result<()> {
        self.conn.commit().await
    }

    /// Goes on inside one account, in the same transaction.
    pub async fn enter(mut self, account: AccountId, user: UserId, request: Uuid) -> Result<TenantTx> {
        let inside = Inside { account, user, request };
        self.conn.enter(inside).await?;
        Ok(TenantTx::new(self.conn, inside, self.cursors, self.listeners, Reach::Whole))
    }
}
