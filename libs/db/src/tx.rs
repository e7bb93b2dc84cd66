use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use identity::{Permissions, Principal, Secret};
use kernel::{AccountId, UserId};
use revocation::{Revocations, RevokedTokens};
use sqlx::{AssertSqlSafe, FromRow, SqlSafeStr as _, SqlStr, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Bindings, Change, OutboxSignal, Resource, Result, Sql, TenantCommand, TenantQuery, Write,
    access::AccessScope,
    change,
    open_tx::{AccessMode, OpenTx},
    pool::Pool,
    share::{FileSlot, Share, Shares, TransactionCost},
};

/// Handle of the database. Every transaction is begun on behalf of a principal or a [`Reason`](crate::Reason).
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: Pool,
    pub(crate) shares: Arc<Shares>,
    pub(crate) cursors: Arc<hmac::Key>,
    pub(crate) listeners: Arc<Listeners>,
}

/// Listeners that are notified after a commit.
#[derive(Default)]
pub(crate) struct Listeners {
    wake: OutboxSignal,
    revocations: Revocations,
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

    /// Begins a read-write transaction in the account of `who`. Begin and account are set in one message, so that
    /// no statement can run in between.
    pub async fn begin(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Write, TransactionCost::Usual, ADMIT_WRITE).await
    }

    /// Begins a read-write transaction that is also allowed in maintenance mode: for authentication and for ending
    /// own sessions.
    pub async fn begin_in_maintenance(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Write, TransactionCost::Usual, ADMIT).await
    }

    /// Begins a read-only transaction in the account of `who`.
    pub async fn begin_read_only(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Read, TransactionCost::Usual, ADMIT).await
    }

    /// Begins a read-only transaction that scans texts. Few of these run concurrently, per account and in total.
    pub async fn begin_costly(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, AccessMode::Read, TransactionCost::High, ADMIT).await
    }

    /// Acquires a slot for a streamed export: their number per account is limited.
    pub fn file(&self, who: &Principal) -> Result<FileSlot> {
        self.shares.file(who.account())
    }

    /// Verifies that the session of `who` is active and its token's rights are current; otherwise
    /// [`Error::SessionEnded`](crate::Error::SessionEnded).
    pub async fn admit(&self, who: &Principal) -> Result<()> {
        self.begin_read_only(who).await.map(drop)
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<()> {
        OpenTx::begin(&self.pool, AccessMode::Read, "select 1").await.map(drop)
    }

    async fn enter(
        &self,
        who: &Principal,
        access: AccessMode,
        cost: TransactionCost,
        admission: &'static str,
    ) -> Result<TenantTx> {
        let share = self.shares.take(who.account(), cost).await?;
        let inside = RequestContext { account: who.account(), user: who.user(), request: who.request() };
        let opening = format!("{}; {}", inside.settings(), admit(admission, who));
        let conn = OpenTx::begin(&self.pool, access, &opening).await?;
        let reach = AccessScope::Of { permissions: who.permissions().clone(), acting: None };
        let tx = TenantTx::new(conn, inside, Arc::clone(&self.cursors), Arc::clone(&self.listeners), reach);
        Ok(TenantTx { _share: Some(share), ..tx })
    }
}

/// Prepared once per connection: these statements are part of every transaction, and would be planned each time.
///
/// `admit` verifies that a session is active and that its epoch is the token's; it fails with [`ENDED`] otherwise.
/// `admit_write` also fails with [`MAINTENANCE`] in maintenance mode. `admit_write_of_nobody` checks the
/// maintenance mode alone.
pub(crate) const PREPARE: &str = "
    prepare admit (uuid, uuid, integer) as select app.refuse_session() where not exists (
        select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now());
    prepare admit_write (uuid, uuid, integer) as select app.refuse_session() where not exists (
        select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())
        union all select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now();
    prepare admit_write_of_nobody as select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now()";
/// SQLSTATE of a session that has ended.
pub(crate) const ENDED: &str = "NX401";
/// SQLSTATE of a write in maintenance mode: the message is the reason, the detail the remaining seconds.
pub(crate) const MAINTENANCE: &str = "NX503";
const ADMIT: &str = "admit";
const ADMIT_WRITE: &str = "admit_write";

fn admit(statement: &'static str, who: &Principal) -> String {
    format!("execute {statement} ('{}', '{}', {})", who.account(), who.session(), who.epoch())
}

/// Account, user and request of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) request: Uuid,
}

impl RequestContext {
    /// Settings of `app.enter` as statements that need no plan. A call of the function would be parsed and planned
    /// each time, which costs as much as the rest of a small request.
    pub(crate) fn settings(&self) -> String {
        let Self { account, user, request } = self;
        format!(
            "set local app.current_account_id = '{account}'; set local app.current_user_id = '{user}'; \
             set local app.current_request_id = '{request}'"
        )
    }
}

/// A savepoint, and the state to return to on rollback.
#[must_use = "a part is kept or undone"]
pub(crate) struct Savepoint {
    /// Number of changes audited before it.
    noted: usize,
    /// Number of revocations recorded before it.
    ended: usize,
}

/// A transaction confined to one account. Dropping it without [`commit`](Self::commit) rolls back.
#[must_use = "a transaction that is not committed changes nothing"]
pub struct TenantTx {
    pub(crate) conn: OpenTx,
    pub(crate) inside: RequestContext,
    pub(crate) cursors: Arc<hmac::Key>,
    pub(crate) reach: AccessScope,
    changes: Vec<Change>,
    /// Records that the answer shows with more than id and version.
    pub(crate) answered: Vec<Uuid>,
    pub(crate) ended: Vec<RevokedTokens>,
    listeners: Arc<Listeners>,
    /// Released together with the connection.
    _share: Option<Share>,
}

impl TenantTx {
    pub(crate) fn new(
        conn: OpenTx,
        inside: RequestContext,
        cursors: Arc<hmac::Key>,
        listeners: Arc<Listeners>,
        reach: AccessScope,
    ) -> Self {
        Self {
            conn,
            inside,
            cursors,
            reach,
            changes: Vec::new(),
            answered: Vec::new(),
            ended: Vec::new(),
            listeners,
            _share: None,
        }
    }

    /// Sets the action of the request on records of `resource`, so that the scope of its permission applies to
    /// them. For other resources the scope of `read` applies.
    pub fn with_action(mut self, resource: &'static str, action: &'static str) -> Self {
        if let AccessScope::Of { acting, .. } = &mut self.reach {
            *acting = Some((resource, action));
        }
        self
    }

    /// Limits a transaction that was begun without a principal to these permissions.
    pub fn within(mut self, permissions: Permissions) -> Self {
        self.reach = AccessScope::Of { permissions, acting: None };
        self
    }

    /// Prepares a statement that reads.
    pub fn read<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(&mut self, text: TenantQuery) -> Sql<'_, T> {
        self.statement(text.0.into_sql_str())
    }

    /// Prepares a statement that changes records and returns them; they are audited.
    pub fn write<R: Resource>(&mut self, text: TenantCommand) -> Write<'_, R> {
        Write(self.statement(text.0.into_sql_str()))
    }

    /// Prepares a statement that changes something other than records, and audits `change`.
    pub fn execute_audited<T>(&mut self, text: TenantCommand, change: Change) -> Sql<'_, T> {
        self.audit(change);
        self.statement(text.0.into_sql_str())
    }

    /// Prepares a write without audit entry: for counters and timestamps, or as part of an audited change.
    pub fn execute_untracked<T>(&mut self, text: TenantCommand) -> Sql<'_, T> {
        self.statement(text.0.into_sql_str())
    }

    /// Prepares a call of a function that takes the account from the transaction's settings.
    pub fn look_up<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        text: crate::LookupFunction,
    ) -> Sql<'_, T> {
        Sql::new(self, text.0.into_sql_str(), Bindings::default())
    }

    /// Switches to another user of the same account, whom the transaction itself has identified.
    pub async fn impersonate(&mut self, user: UserId) -> Result<()> {
        let inside = RequestContext { user, ..self.inside };
        self.conn.enter(inside).await?;
        self.inside = inside;
        Ok(())
    }

    /// Commits the changes with their audit and outbox entries, then notifies the listeners.
    pub async fn commit(mut self) -> Result<()> {
        self.conn.committable()?;
        let changes = std::mem::take(&mut self.changes);
        let has_events = !changes.is_empty();
        change::keep(&mut self, changes).await?;
        self.conn.commit().await?;
        if has_events {
            self.listeners.wake.notify(self.inside.account);
        }
        if !self.ended.is_empty() {
            self.listeners.revocations.publish(&self.ended);
        }
        Ok(())
    }

    /// Adds a change to the audit log and outbox; written at commit.
    pub fn audit(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Sets a savepoint.
    pub(crate) async fn savepoint(&mut self) -> Result<Savepoint> {
        self.conn.savepoint().await?;
        Ok(Savepoint { noted: self.changes.len(), ended: self.ended.len() })
    }

    /// Sets a savepoint and a statement timeout.
    pub(crate) async fn savepoint_with_timeout(&mut self, time: Duration) -> Result<Savepoint> {
        self.conn.savepoint_with_timeout(time).await?;
        Ok(Savepoint { noted: self.changes.len(), ended: self.ended.len() })
    }

    /// Releases the last savepoint and sets a statement timeout.
    pub(crate) async fn release_with_timeout(&mut self, _: Savepoint, time: Duration) -> Result<()> {
        self.conn.release_with_timeout(time).await
    }

    /// Sets the statement timeout for the rest of the transaction.
    pub(crate) async fn set_statement_timeout(&mut self, time: Duration) -> Result<()> {
        self.conn.set_statement_timeout(time).await
    }

    /// Resets the statement timeout to the role's default.
    pub(crate) async fn reset_statement_timeout(&mut self) -> Result<()> {
        self.conn.reset_statement_timeout().await
    }

    /// Releases the last savepoint.
    pub(crate) async fn release(&mut self, _: Savepoint) -> Result<()> {
        self.conn.release().await
    }

    /// Rolls back to the last savepoint, and discards changes and revocations recorded since.
    pub(crate) async fn rollback_to(&mut self, part: Savepoint) -> Result<()> {
        self.conn.rollback_to().await?;
        self.changes.truncate(part.noted);
        self.ended.truncate(part.ended);
        Ok(())
    }

    /// Prepares a statement built from `&'static str` names; for `crud` and `list` only.
    pub(crate) fn built<T>(&mut self, text: String) -> Sql<'_, T> {
        self.statement(AssertSqlSafe(text).into_sql_str())
    }

    pub(crate) fn statement<T>(&mut self, text: SqlStr) -> Sql<'_, T> {
        let mut row = Bindings::default();
        row.bind(self.inside.account);
        Sql::new(self, text, row)
    }
}
