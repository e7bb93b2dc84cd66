use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use identity::{Principal, Secret};
use kernel::{AccountId, UserId};
use revocation::Revocations;
use uuid::Uuid;

use crate::{
    AccessScope, Bindings, OutboxSignal, Reason, Result, SystemTx, TenantTx,
    context::{Admission, RequestContext},
    listeners::Listeners,
    pool::Pool,
    share::{FileSlot, Shares, TransactionCost},
    tx::{AccessMode, BoundStatement, OpenTx},
};

/// Handle of the database. Every transaction is begun on behalf of a principal or a [`Reason`].
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: Pool,
    pub(crate) shares: Arc<Shares>,
    pub(crate) cursors: Arc<hmac::Key>,
    pub(crate) listeners: Arc<Listeners>,
}

/// Purpose from which the key of cursors is derived.
pub(crate) const CURSORS: &str = "cursors";

impl Db {
    /// Derives the key of cursors from `secret`, so that all replicas with this secret accept them. By default,
    /// cursors are valid in this process only.
    #[must_use]
    pub fn with_cursor_key(self, secret: &Secret) -> Self {
        Self { cursors: Arc::new(secret.key_for(CURSORS)), ..self }
    }

    /// Notifies `wake` of every account that has committed events.
    #[must_use]
    pub fn with_event_wakeup(self, wake: &OutboxSignal) -> Self {
        let revocations = self.listeners.revocations.clone();
        Self { listeners: Arc::new(Listeners { wake: wake.clone(), revocations }), ..self }
    }

    /// Publishes the sessions that were ended to `revocations`.
    #[must_use]
    pub fn with_revocations(self, revocations: &Revocations) -> Self {
        let (wake, revocations) = (self.listeners.wake.clone(), revocations.clone());
        Self { listeners: Arc::new(Listeners { wake, revocations }), ..self }
    }

    /// Begins a read-write transaction in the account of `who`. Its first statement is sent together with BEGIN, the
    /// account and the check of the session, which also can fail then.
    pub async fn begin(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Write, TransactionCost::Usual, Admission::writing_session(who)).await
    }

    /// Begins a read-write transaction that is also allowed in maintenance mode: for authentication and for ending
    /// own sessions.
    pub async fn begin_in_maintenance(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Write, TransactionCost::Usual, Admission::session(who)).await
    }

    /// Begins a read-only transaction in the account of `who`.
    pub async fn begin_read_only(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Read, TransactionCost::Usual, Admission::session(who)).await
    }

    /// Begins a transaction that scans texts and then writes, under the limits of [`begin_costly`](Self::begin_costly).
    pub async fn begin_costly_write(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Write, TransactionCost::High, Admission::writing_session(who)).await
    }

    /// Begins a read-only transaction that scans texts, or aggregates records. Few of these run concurrently, per account and
    /// in total, and their time is limited to what the other accounts leave.
    pub async fn begin_costly(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Read, TransactionCost::High, Admission::session(who)).await
    }

    /// Acquires a slot for a streamed export: their number per account is limited.
    pub fn file(&self, who: &Principal) -> Result<FileSlot> {
        self.shares.file(who.account())
    }

    /// Verifies that the session of `who` is active and its token's rights are current; otherwise
    /// [`Error::SessionEnded`](crate::Error::SessionEnded).
    pub async fn admit(&self, who: &Principal) -> Result<()> {
        self.begin_read_only(who).await?.commit().await
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = OpenTx::begin(&self.pool, AccessMode::Read, None, Admission::Free).await?;
        tx.execute(BoundStatement::new("select 1", Bindings::default())).await?;
        Ok(())
    }

    async fn enter(
        &self,
        who: &Principal,
        access: AccessMode,
        cost: TransactionCost,
        admission: Admission,
    ) -> Result<TenantTx> {
        let share = self.shares.take(who.account(), cost).await?;
        let inside = RequestContext { account: who.account(), user: who.user(), request: who.request() };
        let conn = OpenTx::begin(&self.pool, access, Some(inside), admission).await?;
        let scope = AccessScope::new(who.permissions().clone());
        let tx = TenantTx::new(conn, inside, Arc::clone(&self.cursors), Arc::clone(&self.listeners), scope);
        Ok(tx.holding(share))
    }
}

impl Db {
    /// Begins outside of any account. Banned by a lint: each use must justify itself. Reasons that start new work
    /// are refused in maintenance mode ([`Error::Maintenance`](crate::Error::Maintenance)).
    pub async fn begin_unscoped(&self, reason: Reason) -> Result<SystemTx> {
        tracing::debug!(?reason, "begins outside of every account");
        let admission = if reason.waits() { Admission::Writing } else { Admission::Free };
        let outside = RequestContext::without_account();
        let conn = OpenTx::begin(&self.pool, AccessMode::Write, Some(outside), admission).await?;
        Ok(SystemTx::new(conn, Arc::clone(&self.cursors), Arc::clone(&self.listeners)))
    }

    /// Begins inside an account without a principal: [`begin_unscoped`](Self::begin_unscoped) and `enter` in one
    /// message.
    pub async fn begin_as(
        &self,
        reason: Reason,
        account: AccountId,
        user: UserId,
        request: Uuid,
    ) -> Result<TenantTx> {
        tracing::debug!(?reason, "begins without a principal");
        let inside = RequestContext { account, user, request };
        let conn = OpenTx::begin(&self.pool, AccessMode::Write, Some(inside), Admission::Free).await?;
        let (cursors, listeners) = (Arc::clone(&self.cursors), Arc::clone(&self.listeners));
        let tx = TenantTx::new(conn, inside, cursors, listeners, AccessScope::WHOLE);
        Ok(if reason == Reason::Jobs { tx.holding(self.shares.background(account)) } else { tx })
    }

    /// How long the background jobs of this account have to wait before their next step, so that they take of the machine
    /// what the other accounts leave.
    pub fn background_wait(&self, account: AccountId) -> Duration {
        self.shares.background_wait(account)
    }
}
