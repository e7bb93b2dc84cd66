//! Revocation of sessions, propagated to all processes at once.
//!
//! The database is authoritative: each transaction of a service verifies the session of its token. A gateway opens no
//! transactions, and would accept a token until it expires. So the process that ends a session publishes it here.
//! Gateways reject its tokens within moments, and evict tokens that they had obtained for an API key.
//!
//! Between processes it uses Redis (`REDIS_URL`): a message for current listeners, and a sorted set for later ones,
//! kept for the maximum life of a token. A process without a proof of life for longer than [the grace](Config::read)
//! is not [in sync](Revocations::is_in_sync), and must query the database like services do.
//!
//! * [`Revocations`] is the table of revoked sessions that this process knows.
//! * [`RevokedTokens`] are tokens of one session: all of them, or those issued before its rights changed.
//! * [`Config`] reads the settings, and starts the propagation.
//!
//! ```
//! use kernel::{AccountId, SessionId};
//! use revocation::{Revocations, RevokedTokens};
//!
//! let (account, session) = (AccountId::new(), SessionId::new());
//! let revocations = Revocations::default(); // of a single process
//! revocations.publish(&[RevokedTokens::before(account, session, 2)]);
//! assert!(revocations.end(account, session, 1));
//! assert!(!revocations.end(account, session, 2));
//! ```

mod channel;
mod config;
mod listen;
mod publish;
mod revoked_tokens;
mod table;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use kernel::{AccountId, SessionId};

use channel::Channel;
pub use config::Config;
pub use revoked_tokens::RevokedTokens;
use table::RevocationTable;

/// Revoked sessions that are known to this process. Clones share the table.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: RevocationTable,
    /// Channel to the other processes; `None` if there is only one.
    line: Option<Channel>,
}

impl Revocations {
    /// Publishes sessions whose revocation is committed.
    pub fn publish(&self, ended: &[RevokedTokens]) {
        self.0.known.learn(ended);
        if let Some(line) = &self.0.line {
            line.put(ended);
        }
    }

    /// Whether tokens of this session that were issued in `epoch` are revoked.
    #[must_use]
    pub fn end(&self, account: AccountId, session: SessionId, epoch: i32) -> bool {
        self.0.known.told(account, session).is_some_and(|told| epoch < told.before)
    }

    /// Whether a revocation of this session was received since `then`.
    #[must_use]
    pub fn revoked_since(&self, account: AccountId, session: SessionId, then: Instant) -> bool {
        self.0.known.told(account, session).is_some_and(|told| then <= told.at)
    }

    /// Whether all revocations are known here. If not, absence of a session from the table proves nothing.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        !self.0.known.is_full() && self.0.line.as_ref().is_none_or(Channel::is_fresh)
    }

    /// Counter of failing directions to other processes; `None` if there is only one process.
    #[must_use]
    pub fn failures(&self) -> Option<Arc<AtomicUsize>> {
        self.0.line.as_ref().map(Channel::troubles)
    }
}
