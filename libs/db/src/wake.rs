//! Tells the relay of this process that there are events, so that it need not ask.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use kernel::AccountId;
use tokio::sync::Notify;

/// The accounts that have committed events since somebody asked. Clones share them. It may forget: whoever relies on
/// events asks the database as well, from time to time.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    accounts: Mutex<HashSet<AccountId>>,
    told: Notify,
}

/// More are not remembered: then there is enough to do anyway.
const MOST: usize = 10_000;

impl Wake {
    /// This account has committed events.
    pub fn tell(&self, account: AccountId) {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() < MOST {
            accounts.insert(account);
        }
        drop(accounts);
        self.0.told.notify_one();
    }

    /// The accounts that were told of, which are forgotten.
    #[must_use]
    pub fn take(&self) -> Vec<AccountId> {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *accounts).into_iter().collect()
    }

    /// Waits until there is something to take.
    pub async fn told(&self) {
        self.0.told.notified().await;
    }
}
