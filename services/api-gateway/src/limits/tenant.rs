//! What is known of an account.

use std::sync::atomic::AtomicBool;

use ::limits::{Bucket, Places, Rate};
use arc_swap::ArcSwapOption;
use kernel::AccountId;
use tokio::{sync::Mutex, time::Instant};

use super::Kind;

/// The plan of an account that was just opened.
const FREE: &str = "free";

/// A plan, and what it lets an account do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) reads: Rate,
    pub(super) writes: Rate,
    /// Requests that may run at once, at each gateway.
    pub(super) at_once: u32,
}

/// A bucket for what is read, and one for what is written.
#[derive(Debug)]
pub(super) struct Pair {
    read: Bucket,
    write: Bucket,
}

/// An account.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) buckets: Pair,
    /// Of what is sent in bodies: this gateway's own, as places are.
    pub(super) bodies: Bucket,
    pub(super) places: Places,
    /// Its plan, as it was when it was last asked for.
    pub(super) known: ArcSwapOption<Known>,
    /// Held by whoever asks first.
    pub(super) turn: Mutex<()>,
    /// Whether somebody asks again.
    pub(super) is_asked: AtomicBool,
}

/// A plan, and when to ask for it again.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) plan: Plan,
    pub(super) until: Instant,
}

impl Plan {
    /// Of an account whose plan nobody can tell. As the migration has it.
    pub(super) fn free() -> Self {
        let (reads, writes) = (Rate::new(1800, 600), Rate::new(600, 200));
        Self { name: FREE.to_owned(), reads, writes, at_once: 32 }
    }

    /// Whether it is the one that everybody has who opens an account.
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

impl Pair {
    pub(super) fn new(name: &str) -> Self {
        Self { read: Bucket::new(format!("{name}:read")), write: Bucket::new(format!("{name}:write")) }
    }

    pub(super) fn of(&self, kind: Kind) -> &Bucket {
        match kind {
            Kind::Read => &self.read,
            Kind::Write => &self.write,
        }
    }
}

impl Tenant {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            buckets: Pair::new(&format!("account:{account}")),
            bodies: Bucket::new(format!("account:{account}:bodies")),
            places: Places::default(),
            known: ArcSwapOption::empty(),
            turn: Mutex::default(),
            is_asked: AtomicBool::new(false),
        }
    }
}
