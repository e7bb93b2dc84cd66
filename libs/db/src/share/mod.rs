//! Connection share of an account: less than the whole pool, so that other accounts are served too.
//!
//! Waiting is first in, first out, and holds no connection. Costly transactions have fewer slots, per account and
//! over all accounts. Thus most connections stay free for transactions of milliseconds, whatever the load. The time that
//! costly transactions and background jobs take is limited as well, see [`budget`].

mod budget;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::AccountId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use crate::{Error, Result};
use budget::{Budgets, Meter, Usage};

/// Timeout for a slot in the account's share.
const WAIT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time after which a transaction that waits for the budget looks again: others may have ended meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Timeout for the costly slots, which may queue behind other costly transactions, and for the budget together.
const COSTLY_WAIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of concurrent exports per account.
const MAX_FILES: usize = 4;
/// Number of lock shards of the map of accounts.
const PARTS: usize = 16;
/// Number of accounts per shard above which unused entries are evicted.
const MAX_ACCOUNTS: usize = 512;

/// Expected cost of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionCost {
    /// Short: takes a few milliseconds.
    Usual,
    /// Scans texts record by record.
    High,
    /// Step of a background job.
    Background,
}

/// Connection shares of all accounts.
pub(crate) struct Shares {
    /// Number of connections per account.
    each: usize,
    /// Number of these for costly transactions.
    costly: usize,
    /// Costly slots over all accounts.
    costly_of_all: Arc<Semaphore>,
    budgets: Arc<Budgets>,
    accounts: [Mutex<HashMap<AccountId, AccountSlots>>; PARTS],
}

/// Semaphores of one account, and what it has used.
#[derive(Clone)]
struct AccountSlots {
    usual: Arc<Semaphore>,
    costly: Arc<Semaphore>,
    files: Arc<Semaphore>,
    usage: Arc<Mutex<Usage>>,
}

/// Slot for a streamed export, whose pages wait in memory for the client. Released on drop.
#[derive(Debug)]
pub struct FileSlot(
    #[expect(dead_code, reason = "held for as long as the file goes out")] OwnedSemaphorePermit,
);

/// Slots that a transaction holds of its account's share. Released on drop, which also charges the account.
#[derive(Debug)]
pub(crate) struct Share {
    _meter: Meter,
    _usual: Option<OwnedSemaphorePermit>,
    _costly: Option<[OwnedSemaphorePermit; 2]>,
}

impl Shares {
    /// Divides this number of connections into shares.
    pub(crate) fn new(connections: usize) -> Self {
        let most = connections.saturating_sub(1).max(1);
        Self {
            each: (connections / 2).max(2).min(most),
            costly: (connections / 8).max(1),
            costly_of_all: Arc::new(Semaphore::new((connections / 4).max(1))),
            budgets: Arc::new(Budgets::new(connections)),
            accounts: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Acquires a slot of this account; fails with [`Error::Crowded`] after a timeout, or with [`Error::Overdrawn`].
    pub(crate) async fn take(&self, account: AccountId, cost: TransactionCost) -> Result<Share> {
        let places = self.places(account);
        let costly = match cost {
            TransactionCost::High => Some(self.take_costly(&places).await?),
            TransactionCost::Usual | TransactionCost::Background => None,
        };
        let usual = place(places.usual, WAIT_TIMEOUT).await?;
        Ok(Share { _meter: self.budgets.meter(&places.usage, cost), _usual: Some(usual), _costly: costly })
    }

    /// Measures a step of a background job, which takes no slot: workers are few.
    pub(crate) fn background(&self, account: AccountId) -> Share {
        let meter = self.budgets.meter(&self.places(account).usage, TransactionCost::Background);
        Share { _meter: meter, _usual: None, _costly: None }
    }

    /// How long the background jobs of this account have to wait before the next step.
    pub(crate) fn background_wait(&self, account: AccountId) -> Duration {
        self.budgets.wait(&self.places(account).usage, TransactionCost::Background, Instant::now())
    }

    /// The account's own slot first: so each account has few entries in the global queue, and one in those that wait for
    /// the budget.
    async fn take_costly(&self, places: &AccountSlots) -> Result<[OwnedSemaphorePermit; 2]> {
        let end = Instant::now() + COSTLY_WAIT_TIMEOUT;
        let own = place(Arc::clone(&places.costly), left_until(end)).await?;
        loop {
            self.wait_for_budget(&places.usage, end).await?;
            let of_all = place(Arc::clone(&self.costly_of_all), left_until(end)).await?;
            // Others may have used up the budget of all while this one waited for its slot.
            if self.costly_wait(&places.usage).is_zero() {
                return Ok([own, of_all]);
            }
        }
    }

    /// Waits as long as the budget is overdrawn, at most until `end`. A refusal comes then only: sent at once, and tried again
    /// at once, refusals would be the load.
    async fn wait_for_budget(&self, usage: &Mutex<Usage>, end: Instant) -> Result<()> {
        loop {
            let wait = self.costly_wait(usage);
            if wait.is_zero() {
                return Ok(());
            }
            if left_until(end).is_zero() {
                return Err(Error::Overdrawn { seconds: whole_seconds(wait) });
            }
            sleep(wait.min(LOOK_AGAIN).min(left_until(end))).await;
        }
    }

    fn costly_wait(&self, usage: &Mutex<Usage>) -> Duration {
        self.budgets.wait(usage, TransactionCost::High, Instant::now())
    }

    /// Acquires an export slot of this account; fails with [`Error::Crowded`] if none is free.
    pub(crate) fn file(&self, account: AccountId) -> Result<FileSlot> {
        self.places(account).files.try_acquire_owned().map(FileSlot).map_err(|_| Error::Crowded)
    }

    fn places(&self, account: AccountId) -> AccountSlots {
        let mut known = self.part(account);
        if let Some(places) = known.get(&account) {
            return places.clone();
        }
        if known.len() >= MAX_ACCOUNTS {
            known.retain(|_, places| places.is_needed());
        }
        let places = AccountSlots {
            usual: Arc::new(Semaphore::new(self.each)),
            costly: Arc::new(Semaphore::new(self.costly)),
            files: Arc::new(Semaphore::new(MAX_FILES)),
            usage: Arc::new(Mutex::new(Usage::new(Instant::now()))),
        };
        known.insert(account, places.clone());
        places
    }

    fn part(&self, account: AccountId) -> MutexGuard<'_, HashMap<AccountId, AccountSlots>> {
        let at = usize::from(Uuid::from(account).as_bytes().last().copied().unwrap_or_default()) % PARTS;
        let [first, ..] = &self.accounts;
        self.accounts.get(at).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountSlots {
    /// Whether a slot is held or waited for (each holder or waiter owns a clone of the semaphore), or the account owes time.
    fn is_needed(&self) -> bool {
        [&self.usual, &self.costly, &self.files].iter().any(|places| Arc::strong_count(places) > 1)
            || Arc::strong_count(&self.usage) > 1
            || !budget::held(&self.usage).is_settled(Instant::now())
    }
}

fn left_until(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a wait is short, and positive")]
fn whole_seconds(wait: Duration) -> u32 {
    wait.as_secs_f64().ceil().max(1.0) as u32
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

    async fn waits(shares: &Shares, account: AccountId, cost: TransactionCost) -> bool {
        timeout(Duration::from_millis(20), shares.take(account, cost)).await.is_err()
    }

    #[tokio::test]
    async fn one_account_takes_half_of_the_connections_and_another_finds_the_rest() {
        let (shares, greedy) = (Shares::new(8), account());
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(shares.take(greedy, TransactionCost::Usual).await.unwrap());
        }
        assert!(waits(&shares, greedy, TransactionCost::Usual).await);
        let _other = shares.take(account(), TransactionCost::Usual).await.unwrap();
        held.pop();
        shares.take(greedy, TransactionCost::Usual).await.unwrap();
    }

    #[tokio::test]
    async fn however_many_accounts_ask_for_what_is_costly_most_connections_are_left() {
        let shares = Shares::new(8);
        let first = account();
        let _one = shares.take(first, TransactionCost::High).await.unwrap();
        assert!(waits(&shares, first, TransactionCost::High).await, "one of each account");
        let _two = shares.take(account(), TransactionCost::High).await.unwrap();
        assert!(waits(&shares, account(), TransactionCost::High).await, "two of all");
        shares.take(first, TransactionCost::Usual).await.unwrap();
    }

    #[test]
    fn one_account_has_a_few_files_on_their_way() {
        let (shares, one) = (Shares::new(8), account());
        let mut files: Vec<_> = (0..MAX_FILES).map(|_| shares.file(one).unwrap()).collect();
        assert!(matches!(shares.file(one), Err(Error::Crowded)));
        shares.file(account()).unwrap();
        files.pop();
        shares.file(one).unwrap();
    }

    #[test]
    fn a_small_pool_is_shared_as_well_and_no_share_is_nothing() {
        for (connections, each) in [(1, 1), (2, 1), (3, 2), (4, 2), (8, 4), (64, 32)] {
            let shares = Shares::new(connections);
            assert_eq!(shares.each, each, "{connections}");
            assert!(shares.costly >= 1 && shares.costly_of_all.available_permits() >= 1);
        }
    }

    #[tokio::test]
    async fn an_account_without_connections_is_forgotten() {
        let shares = Shares::new(8);
        let holder = account();
        let held = shares.take(holder, TransactionCost::Usual).await.unwrap();
        for _ in 0..20 * PARTS * MAX_ACCOUNTS / 10 {
            shares.take(account(), TransactionCost::Usual).await.unwrap();
        }
        assert!(shares.accounts.iter().all(|part| part.lock().unwrap().len() <= MAX_ACCOUNTS));
        assert!(shares.part(holder).contains_key(&holder), "who holds something is remembered");
        drop(held);
    }

    /// Charges the account with a minute, and another one beside it.
    fn overdraw(shares: &Shares, account: AccountId) {
        for account in [account, self::account()] {
            let usage = shares.places(account).usage;
            let begun = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
            drop(Meter::begun_at(&shares.budgets, &usage, TransactionCost::High, begun));
        }
    }

    /// Charges short transactions of another account, which keep both cores busy for seconds.
    fn keep_busy(shares: &Shares) {
        let busy = shares.places(account()).usage;
        for _ in 0..1_000 {
            let begun = Instant::now().checked_sub(Duration::from_millis(50)).unwrap();
            drop(Meter::begun_at(&shares.budgets, &busy, TransactionCost::Usual, begun));
        }
    }

    #[tokio::test]
    async fn what_is_overdrawn_waits_and_goes_on_as_soon_as_it_may() {
        let (shares, greedy) = (Shares::new(8), account());
        overdraw(&shares, greedy);
        assert!(waits(&shares, greedy, TransactionCost::High).await);
        shares.take(greedy, TransactionCost::High).await.unwrap(); // the cores are idle: no debt is older than seconds
    }

    #[tokio::test]
    async fn what_stays_overdrawn_is_refused_in_the_end_and_says_when_to_come_back() {
        let (shares, greedy) = (Shares::new(8), account());
        overdraw(&shares, greedy);
        keep_busy(&shares);
        let refused = shares.take(greedy, TransactionCost::High).await.unwrap_err();
        assert!(matches!(refused, Error::Overdrawn { seconds: 1.. }), "{refused:?}");
        assert_eq!(shares.places(greedy).costly.available_permits(), 1, "it holds no slot any more");
    }

    #[tokio::test]
    async fn an_account_that_has_used_nothing_does_not_wait_for_the_debt_of_others() {
        let shares = Shares::new(8);
        keep_busy(&shares);
        for _ in 0..3 {
            overdraw(&shares, account());
        }
        assert!(!waits(&shares, account(), TransactionCost::High).await);
    }
}
