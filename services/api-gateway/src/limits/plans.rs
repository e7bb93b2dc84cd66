//! Plans of accounts: loaded from the database, cached for seconds, and refreshed in the background.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Release},
    },
    time::Duration,
};

use db::{Db, LookupFunction, Reason};
use kernel::AccountId;
use rate_limit::{Buckets, Rate};
use tokio::time::{Instant, timeout};

use super::{
    MAX_BUCKETS,
    tenant::{AccountLimits, CachedPlan, Plan},
};

/// Default of [`Config::plan_ttl`](crate::Config::plan_ttl).
pub(crate) const PLAN_TTL: Duration = Duration::from_secs(3);
/// Delay before a retry after a failed lookup.
const AGAIN: Duration = Duration::from_secs(1);
/// Timeout of a lookup. A slow database is not yet an outage, which would mean the plan `free` for everyone.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

const LIMITS: LookupFunction = LookupFunction::new(
    "select plan, reads_per_minute, reads_burst, writes_per_minute, writes_burst, at_once from app.limits_of($1)",
);

type Row = (String, i32, i32, i32, i32, i32);

/// Recently active accounts with their plans.
pub(super) struct Plans {
    db: Db,
    ttl: Duration,
    tenants: Buckets<AccountId, AccountLimits>,
}

impl Plans {
    pub(super) fn new(db: Db, ttl: Duration) -> Self {
        Self { db, ttl, tenants: Buckets::at_most(MAX_BUCKETS) }
    }

    /// Returns an account and its plan. Only the first request of an account waits for the database.
    pub(super) async fn get(&self, account: AccountId) -> (Arc<AccountLimits>, Arc<CachedPlan>) {
        let tenant = self.tenants.get_or_insert(account, || AccountLimits::new(account));
        let known = match tenant.known.load_full() {
            Some(known) => {
                if known.until <= Instant::now() {
                    self.ask_beside(account, &tenant);
                }
                known
            }
            None => Box::pin(self.ask_first(account, &tenant)).await, // large, and rare
        };
        (tenant, known)
    }

    async fn ask_first(&self, account: AccountId, tenant: &AccountLimits) -> Arc<CachedPlan> {
        let _turn = tenant.turn.lock().await;
        match tenant.known.load_full() {
            Some(known) => known,
            None => ask(&self.db, self.ttl, account, tenant).await,
        }
    }

    fn ask_beside(&self, account: AccountId, tenant: &Arc<AccountLimits>) {
        if tenant.is_asked.swap(true, AcqRel) {
            return;
        }
        let (db, ttl, tenant) = (self.db.clone(), self.ttl, Arc::clone(tenant));
        tokio::spawn(async move {
            ask(&db, ttl, account, &tenant).await;
            tenant.is_asked.store(false, Release);
        });
    }
}

/// Loads the plan of an account. On failure the cached plan stays in use; without one, and for unknown accounts,
/// it is `free`.
async fn ask(db: &Db, ttl: Duration, account: AccountId, tenant: &AccountLimits) -> Arc<CachedPlan> {
    let answer = timeout(LOOKUP_TIMEOUT, look_up(db, account))
        .await
        .unwrap_or_else(|late| Err(db::Error::Unavailable(late.into())));
    let (plan, holds) = match answer {
        Ok(found) => (found.map_or_else(Plan::free, Plan::from), ttl),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, account.id = %account, "a plan is not known");
            let last = tenant.known.load().as_deref().map(|known| known.plan.clone());
            (last.unwrap_or_else(Plan::free), AGAIN)
        }
    };
    let known = Arc::new(CachedPlan { plan, until: Instant::now() + holds });
    tenant.known.store(Some(Arc::clone(&known)));
    known
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key's account has no principal at the gateway; one id in, one row out"
)]
async fn look_up(db: &Db, account: AccountId) -> db::Result<Option<Row>> {
    db.begin_unscoped(Reason::Limits).await?.ask(LIMITS, |row| row.bind(account)).await
}

impl From<Row> for Plan {
    fn from((name, reads, reads_burst, writes, writes_burst, at_once): Row) -> Self {
        let number = |number: i32| u32::try_from(number).unwrap_or(1); // all are positive: ck_plan_limits_…
        let rate = |per_minute, burst| Rate::new(number(per_minute), number(burst));
        Self {
            name,
            reads: rate(reads, reads_burst),
            writes: rate(writes, writes_burst),
            at_once: number(at_once),
        }
    }
}
