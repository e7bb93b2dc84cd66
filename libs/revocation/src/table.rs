use std::time::{Duration, Instant};

use kernel::{AccountId, SessionId};
use moka::{ops::compute::Op, sync::Cache};

use crate::RevokedTokens;

/// Upper bound of a token's life: at most an hour can be configured, and clocks differ.
pub(crate) const MAX_TOKEN_TTL: Duration = Duration::from_secs(3700);
/// Capacity of the table, about 50 MB. With more revocations per hour, no process is in sync.
const MAX_ENTRIES: u64 = 500_000;

/// Table of revocations; entries expire with the tokens that they concern.
#[derive(Debug)]
pub(crate) struct RevocationTable(Cache<(AccountId, SessionId), Revocation>);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Revocation {
    /// First epoch whose tokens are still valid.
    pub(crate) before: i32,
    pub(crate) at: Instant,
}

impl Default for RevocationTable {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(MAX_TOKEN_TTL).build())
    }
}

impl RevocationTable {
    pub(crate) fn learn(&self, ended: &[RevokedTokens]) {
        for &RevokedTokens { account, session, before } in ended {
            self.0.entry((account, session)).and_compute_with(|known| {
                match known.map(moka::Entry::into_value) {
                    Some(known) if known.before >= before => Op::Nop, // already known, or superseded
                    _ => Op::Put(Revocation { before, at: Instant::now() }),
                }
            });
        }
    }

    pub(crate) fn told(&self, account: AccountId, session: SessionId) -> Option<Revocation> {
        self.0.get(&(account, session))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.entry_count() >= MAX_ENTRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_takes_nothing_back() {
        let (account, session) = (AccountId::new(), SessionId::new());
        let known = RevocationTable::default();
        known.learn(&[RevokedTokens::before(account, session, 2)]);
        known.learn(&[RevokedTokens::before(account, session, 1)]);
        assert_eq!(known.told(account, session).unwrap().before, 2);
        known.learn(&[RevokedTokens::entire_session(account, session)]);
        assert_eq!(known.told(account, session).unwrap().before, i32::MAX);
        assert!(known.told(AccountId::new(), session).is_none(), "it is another account's");
    }
}
