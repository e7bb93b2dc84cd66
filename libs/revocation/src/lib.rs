//! Sessions that have ended, told to every process at once.
//!
//! The database decides: each transaction of a service asks it whether the session of its token still stands. But a gateway
//! does not open transactions, and lets a token pass until it expires. So whoever ends a session tells it here: the gateway
//! refuses its tokens within moments, and forgets what it had exchanged an API key for.
//!
//! Within one process that is a table. Between processes Redis carries it (`REDIS_URL`): a message for those who listen, and
//! a sorted set for those who did not, for as long as a token can live. Whoever has heard nothing for longer than
//! [a grace](Config::read) is not [certain](Revocations::is_certain) any more, and has to ask the database as services do.

mod config;
mod ended;
mod known;
mod line;
mod listen;
mod tell;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use kernel::{AccountId, SessionId};

pub use config::Config;
pub use ended::Ended;
use known::Known;
use line::Line;

/// The sessions that have ended, as far as anybody told this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: Known,
    /// To the other processes; none where there is but one.
    line: Option<Line>,
}

impl Revocations {
    /// These sessions have ended, and it is committed.
    pub fn tell(&self, ended: &[Ended]) {
        self.0.known.learn(ended);
        if let Some(line) = &self.0.line {
            line.put(ended);
        }
    }

    /// Whether a token of this session, issued in its epoch `epoch`, is good for nothing any more.
    #[must_use]
    pub fn end(&self, account: AccountId, session: SessionId, epoch: i32) -> bool {
        self.0.known.told(account, session).is_some_and(|told| epoch < told.before)
    }

    /// Whether anything was told of this session since `then`.
    #[must_use]
    pub fn told_since(&self, account: AccountId, session: SessionId, then: Instant) -> bool {
        self.0.known.told(account, session).is_some_and(|told| then <= told.at)
    }

    /// Whether this is all that was told anywhere. If not, nobody should rely on a session that is not found here.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        !self.0.known.is_full() && self.0.line.as_ref().is_none_or(Line::is_fresh)
    }

    /// How many ways to the other processes do not work now; none where there is but one.
    #[must_use]
    pub fn troubles(&self) -> Option<Arc<AtomicUsize>> {
        self.0.line.as_ref().map(Line::troubles)
    }
}
