//! Account, user and request of a transaction, and the statements that a connection prepares to check sessions.

use identity::Principal;
use kernel::{AccountId, UserId};
use uuid::Uuid;

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
/// Checks the session for a request that reads, or that is allowed in maintenance mode.
pub(crate) const ADMIT: &str = "admit";
/// Checks the session, and maintenance mode, for a request that writes.
pub(crate) const ADMIT_WRITE: &str = "admit_write";

/// Call of the prepared `statement` for the session of `who`.
pub(crate) fn admit(statement: &'static str, who: &Principal) -> String {
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
