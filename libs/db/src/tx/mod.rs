//! Transactions of one account.

mod access;
mod idempotency;
mod open;
mod restricted;
mod revoke;
mod rights;
mod sql;
mod system;

use std::{borrow::Cow, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use identity::Permissions;
use kernel::{AccountId, UserId};
use revocation::RevokedTokens;
use uuid::Uuid;

pub use access::ScopeViolation;
pub use idempotency::StoredResponse;
pub(crate) use open::{AccessMode, BoundStatement, OpenTx};
pub use restricted::SqlCondition;
pub use revoke::RevokeSessions;
pub use sql::Sql;
pub use system::{Reason, SystemTx};

use crate::{
    AccessScope, Bindings, Change, FromRow, LookupFunction, Result, TenantCommand, TenantQuery, audit,
    context::RequestContext, listeners::Listeners, share::Share,
};

/// A savepoint, and the state to return to on rollback.
#[must_use = "a part is kept or undone"]
pub struct Savepoint {
    /// Number of changes audited before it.
    noted: usize,
    /// Number of revocations recorded before it.
    ended: usize,
    /// Statement timeout before it, of a read.
    timeout: Option<Duration>,
}

/// A transaction confined to one account. Dropping it without [`commit`](Self::commit) rolls back.
#[must_use = "a transaction that is not committed changes nothing"]
pub struct TenantTx {
    pub(crate) conn: OpenTx,
    pub(crate) inside: RequestContext,
    cursors: Arc<hmac::Key>,
    scope: AccessScope,
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
        scope: AccessScope,
    ) -> Self {
        Self {
            conn,
            inside,
            cursors,
            scope,
            changes: Vec::new(),
            answered: Vec::new(),
            ended: Vec::new(),
            listeners,
            _share: None,
        }
    }

    /// Holds a slot of the account's share until the connection is released.
    pub(crate) fn holding(self, share: Share) -> Self {
        Self { _share: Some(share), ..self }
    }

    /// Sets the action of the request on records of `resource`, so that the scope of its permission applies to
    /// them. For other resources the scope of `read` applies.
    pub fn with_action(mut self, resource: &'static str, action: &'static str) -> Self {
        self.scope.act(resource, action);
        self
    }

    /// Limits a transaction that was begun without a principal to these permissions.
    pub fn within(mut self, permissions: Permissions) -> Self {
        self.scope = AccessScope::new(permissions);
        self
    }

    /// Prepares a statement that reads.
    pub fn read<T: FromRow>(&mut self, text: TenantQuery) -> Sql<'_, T> {
        self.statement(text.0)
    }

    /// Prepares a statement that changes something other than records, and audits `change`.
    pub fn execute_audited<T>(&mut self, text: TenantCommand, change: Change) -> Sql<'_, T> {
        self.audit(change);
        self.statement(text.0)
    }

    /// Prepares a write without audit entry: for counters and timestamps, or as part of an audited change.
    pub fn execute_untracked<T>(&mut self, text: TenantCommand) -> Sql<'_, T> {
        self.statement(text.0)
    }

    /// Sends a write without audit entry in one batch with the next statement, or with the commit, which fails if it does:
    /// it saves a round trip where nothing depends on the result.
    pub fn execute_with_next(&mut self, text: TenantCommand, fill: impl FnOnce(&mut Bindings)) {
        let mut row = self.bindings();
        fill(&mut row);
        self.conn.send_with_next((text.0, row));
    }

    /// Prepares a call of a function that takes the account from the transaction's settings.
    pub fn look_up<T: FromRow>(&mut self, text: LookupFunction) -> Sql<'_, T> {
        Sql::new(self, text.0, Bindings::default())
    }

    /// Switches to another user of the same account, whom the transaction itself has identified.
    pub fn impersonate(&mut self, user: UserId) {
        self.inside = RequestContext { user, ..self.inside };
        self.conn.enter(self.inside);
    }

    /// Commits the changes with their audit and outbox entries, then notifies the listeners.
    pub async fn commit(mut self) -> Result<()> {
        self.conn.committable()?;
        let changes = std::mem::take(&mut self.changes);
        let has_events = !changes.is_empty();
        let history = has_events.then(|| {
            let (text, values) = audit::statement(self.inside, &changes, self.conn.span.traceparent());
            BoundStatement::new(text, values)
        });
        self.conn.commit(history).await?;
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
    pub fn savepoint(&mut self) -> Result<Savepoint> {
        self.conn.savepoint()?;
        let timeout = self.conn.statement_timeout();
        Ok(Savepoint { noted: self.changes.len(), ended: self.ended.len(), timeout })
    }

    /// Sets the statement timeout for the rest of the transaction, or until a rollback to a savepoint that was set before.
    pub fn set_statement_timeout(&mut self, time: Duration) {
        self.conn.set_statement_timeout(Some(time));
    }

    /// Resets the statement timeout to the role's default.
    pub fn reset_statement_timeout(&mut self) {
        self.conn.set_statement_timeout(None);
    }

    /// Releases the last savepoint.
    pub fn release(&mut self, _: Savepoint) {
        self.conn.release();
    }

    /// Rolls back to the last savepoint, and discards changes and revocations recorded since.
    #[expect(clippy::needless_pass_by_value, reason = "a savepoint is rolled back to once")]
    pub fn rollback_to(&mut self, part: Savepoint) {
        self.conn.rollback_to(part.timeout);
        self.changes.truncate(part.noted);
        self.ended.truncate(part.ended);
    }

    /// Prepares a statement that the engine has built from names of tables and columns; `$1` is the account. Banned by a
    /// lint elsewhere: a hand-written statement is a [`TenantQuery`] or a [`TenantCommand`].
    ///
    /// # Panics
    ///
    /// If the text lacks `account_id` or `$1`.
    pub fn generated<T>(&mut self, text: String) -> Sql<'_, T> {
        self.statement(of_account(text))
    }

    /// [`generated`](Self::generated) with all parameters at once: [`bindings`](Self::bindings) and those that follow.
    pub fn generated_with<T>(&mut self, text: String, values: Bindings) -> Sql<'_, T> {
        Sql::new(self, of_account(text), values)
    }

    /// Prepares a call of a function whose name the engine has built; it takes the account from the transaction's
    /// settings. Banned by a lint elsewhere, in favour of [`LookupFunction`].
    pub fn generated_call<T>(&mut self, text: String, arguments: Bindings) -> Sql<'_, T> {
        Sql::new(self, text, arguments)
    }

    /// Starts the parameters of a generated statement: `$1` is the account.
    #[must_use]
    pub fn bindings(&self) -> Bindings {
        let mut values = Bindings::default();
        values.bind(self.inside.account);
        values
    }

    /// Account of the transaction.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.inside.account
    }

    /// User on whose behalf the transaction runs.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.inside.user
    }

    /// Access scope of the transaction.
    #[must_use]
    pub fn scope(&self) -> &AccessScope {
        &self.scope
    }

    /// Key that authenticates cursors (HMAC-SHA-256).
    #[must_use]
    pub fn cursor_key(&self) -> Arc<hmac::Key> {
        Arc::clone(&self.cursors)
    }

    /// Notes that the answer shows more of this record than its id and version.
    pub fn note_answered(&mut self, record: Uuid) {
        self.answered.push(record);
    }

    pub(crate) fn statement<T>(&mut self, text: impl Into<Cow<'static, str>>) -> Sql<'_, T> {
        let row = self.bindings();
        Sql::new(self, text, row)
    }
}

/// A generated text, which must be limited to an account.
fn of_account(text: String) -> String {
    assert!(text.contains("account_id") && text.contains("$1"), "a statement is limited to its account");
    text
}
