//! In-process notification that events were committed, so that the relay need not poll.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use kernel::AccountId;
use tokio::sync::Notify;

/// Accounts that have committed events since the last [`take`](Self::take). Clones share the set. Delivery is best
/// effort: consumers must also poll the database from time to time.
#[derive(Debug, Clone, Default)]
pub struct OutboxSignal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    accounts: Mutex<HashSet<AccountId>>,
    told: Notify,
}

/// Maximum number of remembered accounts; beyond it the relay is busy anyway.
const MAX_ACCOUNTS: usize = 10_000;

impl OutboxSignal {
    /// Records that this account has committed events.
    pub fn notify(&self, account: AccountId) {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() < MAX_ACCOUNTS {
            accounts.insert(account);
        }
        drop(accounts);
        self.0.told.notify_one();
    }

    /// Takes the recorded accounts and clears the set.
    #[must_use]
    pub fn take(&self) -> Vec<AccountId> {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *accounts).into_iter().collect()
    }

    /// Waits until there is an account to take.
    pub async fn notified(&self) {
        self.0.told.notified().await;
    }
}
