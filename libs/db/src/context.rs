//! The messages that open a transaction: account, user and request, and the check of the session.

use identity::Principal;
use kernel::{AccountId, SessionId, UserId};
use uuid::Uuid;

use crate::Bindings;
#[cfg(doc)]
use crate::error::{ENDED, MAINTENANCE};

/// Fails with [`ENDED`] unless the session is active and its epoch is the token's.
const ADMIT: &str = "select app.refuse_session() where not exists (
    select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())";
/// As [`ADMIT`]; also fails with [`MAINTENANCE`] in maintenance mode.
const ADMIT_WRITE: &str = "select app.refuse_session() where not exists (
    select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())
    union all select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now()";
/// Fails with [`MAINTENANCE`] in maintenance mode, for work without a session.
const ADMIT_UNSCOPED: &str =
    "select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now()";

/// Settings of a read. They are made by functions, whose plan is cached; `set local` would be parsed each time. Outside of
/// a transaction block they are in force until the Sync of their batch.
const ENTER_READ: &str = "select set_config('transaction_read_only', 'on', true), \
    set_config('app.current_account_id', $1, true), set_config('app.current_user_id', $2, true)";
/// As [`ENTER_READ`], with a statement timeout in milliseconds.
const ENTER_READ_IN_TIME: &str = "select set_config('transaction_read_only', 'on', true), \
    set_config('app.current_account_id', $1, true), set_config('app.current_user_id', $2, true), \
    set_config('statement_timeout', $3, true)";
/// Settings of a write, which its history needs as well.
const ENTER_WRITE: &str = "select set_config('app.current_account_id', $1, true), \
    set_config('app.current_user_id', $2, true), set_config('app.current_request_id', $3, true)";

/// A statement with its parameters.
pub(crate) type Prepared = (&'static str, Bindings);

/// Account, user and request of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) request: Uuid,
}

impl RequestContext {
    /// Context outside of every account.
    pub(crate) fn without_account() -> Self {
        Self { account: Uuid::nil().into(), user: Uuid::nil().into(), request: Uuid::nil() }
    }

    /// Statement that makes the settings of a read, with at most this statement timeout in milliseconds.
    pub(crate) fn enter_read(&self, timeout: Option<u128>) -> Prepared {
        let mut values = Bindings::default();
        values.bind_uuid_text(self.account.into());
        values.bind_uuid_text(self.user.into());
        match timeout {
            None => (ENTER_READ, values),
            Some(timeout) => {
                values.bind(timeout.to_string());
                (ENTER_READ_IN_TIME, values)
            }
        }
    }

    /// Statement that makes the settings of a write.
    pub(crate) fn enter_write(&self) -> Prepared {
        let mut values = Bindings::default();
        values.bind_uuid_text(self.account.into());
        values.bind_uuid_text(self.user.into());
        values.bind_uuid_text(self.request);
        (ENTER_WRITE, values)
    }
}

/// What a transaction must pass before its first statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Admission {
    /// Nothing: the reason of the transaction does not depend on a session or on maintenance mode.
    Free,
    /// The session of the token is active, with the token's epoch.
    Session(AccountId, SessionId, i32),
    /// As [`Session`](Self::Session), and writes are allowed.
    WritingSession(AccountId, SessionId, i32),
    /// Writes are allowed.
    Writing,
}

impl Admission {
    /// Admission of a request that reads, or that is allowed in maintenance mode.
    pub(crate) fn session(who: &Principal) -> Self {
        Self::Session(who.account(), who.session(), who.epoch())
    }

    /// Admission of a request that writes.
    pub(crate) fn writing_session(who: &Principal) -> Self {
        Self::WritingSession(who.account(), who.session(), who.epoch())
    }

    /// Statement that fails unless the transaction is admitted.
    pub(crate) fn statement(self) -> Option<Prepared> {
        let (text, (account, session, epoch)) = match self {
            Self::Free => return None,
            Self::Writing => return Some((ADMIT_UNSCOPED, Bindings::default())),
            Self::Session(account, session, epoch) => (ADMIT, (account, session, epoch)),
            Self::WritingSession(account, session, epoch) => (ADMIT_WRITE, (account, session, epoch)),
        };
        let mut values = Bindings::default();
        values.bind(account);
        values.bind(session);
        values.bind(epoch);
        Some((text, values))
    }
}
