//! Rate limit state of an account.

use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use kernel::AccountId;
use rate_limit::{Bucket, ConcurrencyLimit, Rate};
use tokio::{sync::Mutex, time::Instant};

use super::Kind;

/// Plan of new accounts.
const FREE: &str = "free";

/// A plan with its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) reads: Rate,
    pub(super) writes: Rate,
    /// Maximum number of concurrent requests per gateway.
    pub(super) at_once: u32,
}

/// A bucket for reads and a bucket for writes.
#[derive(Debug)]
pub(super) struct ReadWriteBuckets {
    read: Bucket,
    write: Bucket,
}

/// Buckets, concurrency and cached plan of an account.
#[derive(Debug)]
pub(super) struct AccountLimits {
    pub(super) buckets: ReadWriteBuckets,
    /// Bucket for request bodies, local to this gateway like the concurrency limit.
    pub(super) bodies: Bucket,
    pub(super) places: ConcurrencyLimit,
    /// Cached plan, as of its last lookup.
    pub(super) known: ArcSwapOption<CachedPlan>,
    /// Serializes the first lookup.
    pub(super) turn: Mutex<()>,
    /// Whether a refresh is in progress.
    pub(super) is_asked: AtomicBool,
}

/// A plan, and the time at which to refresh it.
#[derive(Debug)]
pub(super) struct CachedPlan {
    pub(super) plan: Plan,
    pub(super) until: Instant,
}

impl Plan {
    /// Plan of an account whose plan is unknown, with the values of the migration.
    pub(super) fn free() -> Self {
        let (reads, writes) = (Rate::new(1800, 600), Rate::new(600, 200));
        Self { name: FREE.to_owned(), reads, writes, at_once: 32 }
    }

    /// Whether it is the plan of new accounts.
    pub(super) fn is_free(&self) -> bool {
        self.name == FREE
    }

    pub(super) fn rate(&self, kind: Kind) -> Rate {
        match kind {
            Kind::Read => self.reads,
            Kind::Write => self.writes,
        }
    }
}

impl ReadWriteBuckets {
    pub(super) fn new(name: &str) -> Self {
        Self { read: Bucket::new(format!("{name}:read")), write: Bucket::new(format!("{name}:write")) }
    }

    pub(super) fn bucket(&self, kind: Kind) -> &Bucket {
        match kind {
            Kind::Read => &self.read,
            Kind::Write => &self.write,
        }
    }
}

impl AccountLimits {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            buckets: ReadWriteBuckets::new(&format!("account:{account}")),
            bodies: Bucket::new(format!("account:{account}:bodies")),
            places: ConcurrencyLimit::default(),
            known: ArcSwapOption::empty(),
            turn: Mutex::default(),
            is_asked: AtomicBool::new(false),
        }
    }
}
