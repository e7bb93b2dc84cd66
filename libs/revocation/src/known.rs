use std::time::{Duration, Instant};

use kernel::{AccountId, SessionId};
use moka::{ops::compute::Op, sync::Cache};

use crate::Ended;

/// Longer than any access token lives: an hour is the most that can be set, and clocks differ.
pub(crate) const LONGEST: Duration = Duration::from_secs(3700);
/// About 50 MB. With more of them in an hour nobody is certain.
const MOST: u64 = 500_000;

/// What was told, until no token can be alive that it speaks of.
#[derive(Debug)]
pub(crate) struct Known(Cache<(AccountId, SessionId), Told>);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// Tokens of an earlier epoch are good for nothing.
    pub(crate) before: i32,
    pub(crate) at: Instant,
}

impl Default for Known {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(LONGEST).build())
    }
}

impl Known {
    pub(crate) fn learn(&self, ended: &[Ended]) {
        for &Ended { account, session, before } in ended {
            self.0.entry((account, session)).and_compute_with(|known| {
                match known.map(moka::Entry::into_value) {
                    Some(known) if known.before >= before => Op::Nop, // heard before, or overtaken
                    _ => Op::Put(Told { before, at: Instant::now() }),
                }
            });
        }
    }

    pub(crate) fn told(&self, account: AccountId, session: SessionId) -> Option<Told> {
        self.0.get(&(account, session))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.entry_count() >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_takes_nothing_back() {
        let (account, session) = (AccountId::new(), SessionId::new());
        let known = Known::default();
        known.learn(&[Ended::before(account, session, 2)]);
        known.learn(&[Ended::before(account, session, 1)]);
        assert_eq!(known.told(account, session).unwrap().before, 2);
        known.learn(&[Ended::whole(account, session)]);
        assert_eq!(known.told(account, session).unwrap().before, i32::MAX);
        assert!(known.told(AccountId::new(), session).is_none(), "it is another account's");
    }
}
