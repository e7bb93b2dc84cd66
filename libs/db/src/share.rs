//! What one account may hold of the connections at a time: less than there are, so that others find some.
//!
//! Who wants more waits in the order of coming, and without a connection. What is costly has fewer places still, of one
//! account and of all accounts together: however many ask at once, most connections are left for what takes milliseconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::AccountId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use uuid::Uuid;

use crate::{Error, Result};

/// How long a request waits for its account's share.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same of what is costly, which may come after others of its kind.
const LONGER: Duration = Duration::from_secs(5);
/// How many files of one account go out at a time.
const MOST_FILES: usize = 4;
/// Accounts are looked up under one of so many locks.
const PARTS: usize = 16;
/// So many accounts are remembered under one lock before those that hold nothing are forgotten.
const MOST: usize = 512;

/// What a transaction costs, as far as that is known before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Milliseconds.
    Usual,
    /// It reads texts record by record.
    High,
}

/// The shares of all accounts.
pub(crate) struct Shares {
    /// Connections of one account.
    each: usize,
    /// Those of them for what is costly.
    costly: usize,
    /// The places of all accounts for what is costly.
    costly_of_all: Arc<Semaphore>,
    accounts: [Mutex<HashMap<AccountId, Places>>; PARTS],
}

/// The places of one account.
#[derive(Clone)]
struct Places {
    usual: Arc<Semaphore>,
    costly: Arc<Semaphore>,
    files: Arc<Semaphore>,
}

/// A place for a file that goes out as it is read: its pages wait in memory for its reader. Dropped, it is given back.
#[derive(Debug)]
pub struct FilePlace(
    #[expect(dead_code, reason = "held for as long as the file goes out")] OwnedSemaphorePermit,
);

/// What a transaction takes of its account's share. Dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Share {
    _usual: OwnedSemaphorePermit,
    _costly: Option<[OwnedSemaphorePermit; 2]>,
}

impl Shares {
    /// Of so many connections.
    pub(crate) fn of(connections: usize) -> Self {
        let most = connections.saturating_sub(1).max(1);
        Self {
            each: (connections / 2).max(2).min(most),
            costly: (connections / 8).max(1),
            costly_of_all: Arc::new(Semaphore::new((connections / 4).max(1))),
            accounts: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// A place of this account, when there is one.
    pub(crate) async fn take(&self, account: AccountId, cost: Cost) -> Result<Share> {
        let places = self.places(account);
        let costly = match cost {
            Cost::Usual => None,
            // Its own first: one account has few in the queue of all.
            Cost::High => Some([
                place(places.costly, LONGER).await?,
                place(Arc::clone(&self.costly_of_all), LONGER).await?,
            ]),
        };
        Ok(Share { _usual: place(places.usual, PATIENCE).await?, _costly: costly })
    }

    /// A place for a file of this account, if there is one now.
    pub(crate) fn file(&self, account: AccountId) -> Result<FilePlace> {
        self.places(account).files.try_acquire_owned().map(FilePlace).map_err(|_| Error::Crowded)
    }

    fn places(&self, account: AccountId) -> Places {
        let mut known = self.part(account);
        if let Some(places) = known.get(&account) {
            return places.clone();
        }
        if known.len() >= MOST {
            known.retain(|_, places| places.are_held());
        }
        let places = Places {
            usual: Arc::new(Semaphore::new(self.each)),
            costly: Arc::new(Semaphore::new(self.costly)),
            files: Arc::new(Semaphore::new(MOST_FILES)),
        };
        known.insert(account, places.clone());
        places
    }

    fn part(&self, account: AccountId) -> MutexGuard<'_, HashMap<AccountId, Places>> {
        let at = usize::from(Uuid::from(account).as_bytes().last().copied().unwrap_or_default()) % PARTS;
        let [first, ..] = &self.accounts;
        self.accounts.get(at).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Whether somebody holds one of them, or waits for one: each has the semaphore in hand.
    fn are_held(&self) -> bool {
        [&self.usual, &self.costly, &self.files].iter().any(|places| Arc::strong_count(places) > 1)
    }
}

async fn place(places: Arc<Semaphore>, patience: Duration) -> Result<OwnedSemaphorePermit> {
    match Arc::clone(&places).try_acquire_owned() {
        Ok(place) => Ok(place),
        Err(_) => match timeout(patience, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Error::Crowded),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        Uuid::now_v7().into()
    }

    async fn waits(shares: &Shares, account: AccountId, cost: Cost) -> bool {
        timeout(Duration::from_millis(20), shares.take(account, cost)).await.is_err()
    }

    #[tokio::test]
    async fn one_account_takes_half_of_the_connections_and_another_finds_the_rest() {
        let (shares, greedy) = (Shares::of(8), account());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(shares.take(greedy, Cost::Usual).await.unwrap());
        }
        assert!(waits(&shares, greedy, Cost::Usual).await);
        let _other = shares.take(account(), Cost::Usual).await.unwrap();
        held.pop();
        shares.take(greedy, Cost::Usual).await.unwrap();
    }

    #[tokio::test]
    async fn however_many_accounts_ask_for_what_is_costly_most_connections_are_left() {
        let shares = Shares::of(8);
        let first = account();
        let _one = shares.take(first, Cost::High).await.unwrap();
        assert!(waits(&shares, first, Cost::High).await, "one of each account");
        let _two = shares.take(account(), Cost::High).await.unwrap();
        assert!(waits(&shares, account(), Cost::High).await, "two of all");
        shares.take(first, Cost::Usual).await.unwrap();
    }

    #[test]
    fn one_account_has_a_few_files_on_their_way() {
        let (shares, one) = (Shares::of(8), account());
        let mut files: Vec<_> = (0..MOST_FILES).map(|_| shares.file(one).unwrap()).collect();
        assert!(matches!(shares.file(one), Err(Error::Crowded)));
        shares.file(account()).unwrap();
        files.pop();
        shares.file(one).unwrap();
    }

    #[test]
    fn a_small_pool_is_shared_as_well_and_no_share_is_nothing() {
        for (connections, each) in [(1, 1), (2, 1), (3, 2), (4, 2), (8, 4), (64, 32)] {
            let shares = Shares::of(connections);
            assert_eq!(shares.each, each, "{connections}");
            assert!(shares.costly >= 1 && shares.costly_of_all.available_permits() >= 1);
        }
    }

    #[tokio::test]
    async fn who_holds_nothing_is_forgotten() {
        let shares = Shares::of(8);
        let holder = account();
        let held = shares.take(holder, Cost::Usual).await.unwrap();
        for _ in 0..20 * PARTS * MOST / 10 {
            shares.take(account(), Cost::Usual).await.unwrap();
        }
        assert!(shares.accounts.iter().all(|part| part.lock().unwrap().len() <= MOST));
        assert!(shares.part(holder).contains_key(&holder), "who holds something is remembered");
        drop(held);
    }
}
