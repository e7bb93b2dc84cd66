//! Time that heavy work may take of the machine: transactions that scan texts, and steps of background jobs.
//!
//! Heavy work gets what the short transactions of other accounts leave idle, and a small part of the cores at least. Each
//! kind of it has a balance per account and one over all accounts. A transaction begins unless a balance is overdrawn, and
//! is charged the time that it took. So an account alone on the machine never waits, and many greedy ones together do not
//! slow down the others.
//!
//! All of this is counted per process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::TransactionCost;

/// Connections per core, as the default of the pool's size has them.
const CONNECTIONS_PER_CORE: f64 = 4.0;
/// Part of the cores that heavy work of one kind gets on a busy machine: of one account, and of all together.
const PART_OF_EACH: f64 = 0.05;
const PART_OF_ALL: f64 = 0.1;
/// Seconds that an account saves up while it does no heavy work, and all accounts together.
const SAVED: f64 = 2.0;
/// Greatest debt in seconds. More would hold an account back long after the machine is idle again.
const GREATEST_DEBT: f64 = 2.0 * SAVED;
/// Heavy work of others within their period, in seconds, below which an account counts as alone.
const ALONE: f64 = 0.1;
/// Greatest part of a short transaction that counts: a longer one waits, for a lock or a connection, and uses no core.
const GREATEST_SHORT: Duration = Duration::from_millis(50);
/// Seconds over which short transactions are averaged, and heavy ones.
const SHORT_PERIOD: f64 = 2.0;
const HEAVY_PERIOD: f64 = 20.0;

/// Budgets of heavy work, of all accounts together.
pub(super) struct Budgets {
    cores: f64,
    usage: Mutex<Usage>,
}

/// What was used: by an account, or by all together.
#[derive(Debug)]
pub(super) struct Usage {
    short: Recent,
    costly: Balance,
    background: Balance,
}

/// Seconds of heavy work that are left; negative if overdrawn.
#[derive(Debug)]
struct Balance {
    seconds: f64,
    at: Instant,
    recent: Recent,
}

/// Seconds of the last period that transactions took, with exponential decay.
#[derive(Debug)]
struct Recent {
    seconds: f64,
    at: Instant,
    period: f64,
}

/// Measures a transaction until it is dropped, and charges it.
pub(super) struct Meter {
    budgets: Arc<Budgets>,
    account: Arc<Mutex<Usage>>,
    cost: TransactionCost,
    since: Instant,
}

impl Budgets {
    /// Budgets of a process with so many connections.
    #[expect(clippy::cast_precision_loss, reason = "a number of connections is small")]
    pub(super) fn new(connections: usize) -> Self {
        let cores = connections as f64 / CONNECTIONS_PER_CORE;
        Self { cores, usage: Mutex::new(Usage::new(Instant::now())) }
    }

    /// How long heavy work of this account has to wait. The account that has used least goes first: it may begin although
    /// all accounts together are overdrawn, by twice what it has not used of its own. So one that has used nothing never
    /// waits for the debt of others.
    pub(super) fn wait(&self, account: &Mutex<Usage>, cost: TransactionCost, now: Instant) -> Duration {
        let (refill_of_each, refill_of_all) = self.refills(account, now);
        let (Some((own, recent)), Some((all, recent_of_all))) = (
            held(account)
                .balance(cost)
                .map(|balance| (balance.settle(refill_of_each, now), balance.recent.at(now))),
            held(&self.usage)
                .balance(cost)
                .map(|balance| (balance.settle(refill_of_all, now), balance.recent.at(now))),
        ) else {
            return Duration::ZERO;
        };
        let of_own = -own / refill_of_each;
        let is_alone = recent_of_all - recent < ALONE;
        let of_all = if is_alone { 0.0 } else { -(all + 2.0 * (SAVED - recent).max(0.0)) / refill_of_all };
        Duration::from_secs_f64(of_own.max(of_all).max(0.0))
    }

    /// Starts to measure a transaction of this account.
    pub(super) fn meter(self: &Arc<Self>, account: &Arc<Mutex<Usage>>, cost: TransactionCost) -> Meter {
        Meter::begun_at(self, account, cost, Instant::now())
    }

    /// Charges a transaction of this account that took `time`.
    fn charge(&self, account: &Mutex<Usage>, cost: TransactionCost, time: Duration, now: Instant) {
        let (refill_of_each, refill_of_all) = match cost {
            TransactionCost::Usual => (0.0, 0.0),
            TransactionCost::High | TransactionCost::Background => self.refills(account, now),
        };
        held(account).charge(cost, time, refill_of_each, now);
        held(&self.usage).charge(cost, time, refill_of_all, now);
    }

    /// Seconds per second that the balances get: that of an account what the others leave idle, that of all accounts what
    /// all leave idle.
    fn refills(&self, account: &Mutex<Usage>, now: Instant) -> (f64, f64) {
        let own = held(account).short.at(now);
        let all = held(&self.usage).short.at(now);
        let idle = |busy: f64| 1.0 - busy.max(0.0) / SHORT_PERIOD / self.cores;
        (self.cores * idle(all - own).max(PART_OF_EACH), self.cores * idle(all).max(PART_OF_ALL))
    }
}

impl Usage {
    pub(super) fn new(now: Instant) -> Self {
        let nothing = |period| Recent { seconds: 0.0, at: now, period };
        let full = || Balance { seconds: SAVED, at: now, recent: nothing(HEAVY_PERIOD) };
        Self { short: nothing(SHORT_PERIOD), costly: full(), background: full() }
    }

    /// Whether nothing is owed any more, so that it can be forgotten.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        self.costly.is_settled(now) && self.background.is_settled(now)
    }

    /// Balance of this kind of heavy work; short transactions have none.
    fn balance(&mut self, cost: TransactionCost) -> Option<&mut Balance> {
        match cost {
            TransactionCost::Usual => None,
            TransactionCost::High => Some(&mut self.costly),
            TransactionCost::Background => Some(&mut self.background),
        }
    }

    fn charge(&mut self, cost: TransactionCost, time: Duration, refill: f64, now: Instant) {
        match self.balance(cost) {
            None => self.short.add(time.min(GREATEST_SHORT), now),
            Some(balance) => {
                balance.seconds = (balance.settle(refill, now) - time.as_secs_f64()).max(-GREATEST_DEBT);
                balance.recent.add(time, now);
            }
        }
    }
}

impl Balance {
    /// Adds what was refilled since the last time.
    fn settle(&mut self, refill: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.seconds = (self.seconds + passed * refill).min(SAVED);
        self.at = self.at.max(now);
        self.seconds
    }
}

impl Balance {
    /// Whether nothing is owed by now, at the least refill that one core gives.
    fn is_settled(&self, now: Instant) -> bool {
        self.seconds + now.saturating_duration_since(self.at).as_secs_f64() * PART_OF_EACH >= 0.0
    }
}

impl Recent {
    fn at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.seconds * (-passed / self.period).exp()
    }

    fn add(&mut self, time: Duration, now: Instant) {
        self.seconds = self.at(now) + time.as_secs_f64();
        self.at = self.at.max(now);
    }
}

impl Meter {
    /// Measures a transaction that began at this time.
    pub(super) fn begun_at(
        budgets: &Arc<Budgets>,
        account: &Arc<Mutex<Usage>>,
        cost: TransactionCost,
        since: Instant,
    ) -> Self {
        Self { budgets: Arc::clone(budgets), account: Arc::clone(account), cost, since }
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let now = Instant::now();
        self.budgets.charge(&self.account, self.cost, now.saturating_duration_since(self.since), now);
    }
}

pub(super) fn held(usage: &Mutex<Usage>) -> MutexGuard<'_, Usage> {
    usage.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use TransactionCost::{Background, High, Usual};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A process on two cores, with a clock of its own.
    struct Process {
        budgets: Budgets,
        now: Instant,
    }

    impl Process {
        fn new() -> Self {
            Self { budgets: Budgets::new(8), now: Instant::now() }
        }

        fn account(&self) -> Mutex<Usage> {
            Mutex::new(Usage::new(self.now))
        }

        /// Lets a second pass, in which `account` keeps four connections busy.
        fn busy_second(&mut self, account: &Mutex<Usage>) {
            for _ in 0..20 {
                self.now += SECOND / 20;
                for _ in 0..4 {
                    self.budgets.charge(account, Usual, SECOND / 20, self.now);
                }
            }
        }

        fn wait(&self, account: &Mutex<Usage>, cost: TransactionCost) -> Duration {
            self.budgets.wait(account, cost, self.now)
        }

        /// Runs heavy work for a tenth of a second, if it need not wait.
        fn try_heavy(&self, account: &Mutex<Usage>, cost: TransactionCost) -> bool {
            self.try_for(SECOND / 10, account, cost)
        }

        fn try_for(&self, time: Duration, account: &Mutex<Usage>, cost: TransactionCost) -> bool {
            let is_admitted = self.wait(account, cost).is_zero();
            if is_admitted {
                self.budgets.charge(account, cost, time, self.now);
            }
            is_admitted
        }

        /// Seconds of heavy work that `accounts` get while `other` is busy for so many seconds.
        fn heavy_beside(&mut self, other: &Mutex<Usage>, accounts: &[Mutex<Usage>], seconds: u32) -> f64 {
            let mut done = 0;
            for _ in 0..seconds {
                self.busy_second(other);
                while accounts.iter().filter(|account| self.try_heavy(account, Background)).count() > 0 {
                    done += 1;
                }
            }
            f64::from(done) / 10.0
        }
    }

    #[test]
    fn an_account_alone_on_the_machine_never_waits() {
        let mut process = Process::new();
        let alone = process.account();
        for _ in 0..600 {
            process.busy_second(&alone);
            process.budgets.charge(&alone, Background, SECOND, process.now);
            process.budgets.charge(&alone, High, SECOND, process.now);
            assert_eq!(process.wait(&alone, Background), Duration::ZERO);
            assert_eq!(process.wait(&alone, High), Duration::ZERO);
        }
    }

    #[test]
    fn beside_a_busy_account_another_gets_a_twentieth_of_the_cores_and_what_it_has_saved() {
        let mut process = Process::new();
        let (other, greedy) = (process.account(), [process.account()]);
        process.busy_second(&other);
        process.busy_second(&other);
        let done = process.heavy_beside(&other, &greedy, 100);
        assert!((10.0..13.0).contains(&done), "{done} seconds of work in 100 seconds of two cores");
    }

    #[test]
    fn a_debt_is_forgotten_soon_after_the_machine_is_idle() {
        let mut process = Process::new();
        let (greedy, fresh) = (process.account(), process.account());
        process.budgets.charge(&greedy, Background, SECOND * 4_000, process.now);
        assert!(process.wait(&fresh, Background).is_zero());
        process.now += SECOND * 10;
        assert!(process.wait(&greedy, Background).is_zero());
    }

    #[test]
    fn many_greedy_accounts_get_no_more_than_a_tenth_of_the_cores_together() {
        let mut process = Process::new();
        let other = process.account();
        let greedy: Vec<_> = (0..50).map(|_| process.account()).collect();
        process.busy_second(&other);
        process.busy_second(&other);
        let mut rounds = 0;
        for _ in 0..100 {
            process.busy_second(&other);
            rounds += greedy.iter().filter(|account| process.try_heavy(account, High)).count();
        }
        assert!((150..300).contains(&rounds), "{rounds} tenths of a second in 100 seconds of two cores");
    }

    #[test]
    fn a_person_who_searches_now_and_then_goes_before_those_who_never_stop() {
        let mut process = Process::new();
        let (other, person) = (process.account(), process.account());
        let greedy: Vec<_> = (0..10).map(|_| process.account()).collect();
        for second in 1..120 {
            process.busy_second(&other);
            while greedy.iter().filter(|account| process.try_heavy(account, High)).count() > 0 {}
            if second % 3 == 0 {
                assert!(process.try_for(SECOND / 50, &person, High), "in second {second}");
            }
        }
    }

    #[test]
    fn what_was_overdrawn_is_waited_for_and_no_longer() {
        let mut process = Process::new();
        let (other, greedy) = (process.account(), process.account());
        for _ in 0..5 {
            process.busy_second(&other);
        }
        process.budgets.charge(&greedy, High, SECOND * 3, process.now);
        let wait = process.wait(&greedy, High);
        assert!(
            (9.9..10.1).contains(&wait.as_secs_f64()),
            "a second overdrawn at a tenth per second: {wait:?}"
        );
        assert_eq!(process.wait(&greedy, Background), Duration::ZERO, "jobs have a balance of their own");
        for _ in 0..10 {
            process.busy_second(&other);
        }
        assert!(process.wait(&greedy, High) < SECOND / 10);
        process.budgets.charge(&greedy, High, SECOND * 10, process.now);
        process.now += SECOND * 10;
        assert_eq!(
            process.wait(&greedy, High),
            Duration::ZERO,
            "the others have gone, and the machine is idle"
        );
    }
}
