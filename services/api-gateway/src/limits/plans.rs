//! The plan of an account: asked of the database, kept for seconds, and asked again beside the requests.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Release},
    },
    time::Duration,
};

use ::limits::{Buckets, Rate};
use db::{Db, LookUp, Reason};
use kernel::AccountId;
use tokio::time::{Instant, timeout};

use super::{
    MOST,
    tenant::{Known, Plan, Tenant},
};

/// How old what is known may be: a changed plan takes effect within these, and the next request.
const FRESH: Duration = Duration::from_secs(3);
/// When nobody could tell, it is asked again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// No request waits for longer: a slow database is not yet one that is gone, which would be the plan `free` for everybody.
const PATIENCE: Duration = Duration::from_secs(2);

const LIMITS: LookUp = LookUp::new(
    "select plan, reads_per_minute, reads_burst, writes_per_minute, writes_burst, at_once from app.limits_of($1)",
);

type Row = (String, i32, i32, i32, i32, i32);

/// The accounts that have lately asked for something.
pub(super) struct Plans {
    db: Db,
    tenants: Buckets<AccountId, Tenant>,
}

impl Plans {
    pub(super) fn new(db: Db) -> Self {
        Self { db, tenants: Buckets::at_most(MOST) }
    }

    /// An account and its plan. Only whoever is the first to ask for an account waits for the database.
    pub(super) async fn of(&self, account: AccountId) -> (Arc<Tenant>, Arc<Known>) {
        let tenant = self.tenants.of(account, || Tenant::new(account));
        let known = match tenant.known.load_full() {
            Some(known) => {
                if known.until <= Instant::now() {
                    self.ask_beside(account, &tenant);
                }
                known
            }
            None => self.ask_first(account, &tenant).await,
        };
        (tenant, known)
    }

    async fn ask_first(&self, account: AccountId, tenant: &Tenant) -> Arc<Known> {
        let _turn = tenant.turn.lock().await;
        match tenant.known.load_full() {
            Some(known) => known,
            None => ask(&self.db, account, tenant).await,
        }
    }

    fn ask_beside(&self, account: AccountId, tenant: &Arc<Tenant>) {
        if tenant.is_asked.swap(true, AcqRel) {
            return;
        }
        let (db, tenant) = (self.db.clone(), Arc::clone(tenant));
        tokio::spawn(async move {
            ask(&db, account, &tenant).await;
            tenant.is_asked.store(false, Release);
        });
    }
}

/// Learns an account's plan. Without an answer, what was known holds; nothing known is the plan `free`, and so is an
/// account that nobody knows.
async fn ask(db: &Db, account: AccountId, tenant: &Tenant) -> Arc<Known> {
    let answer = timeout(PATIENCE, look_up(db, account))
        .await
        .unwrap_or_else(|late| Err(db::Error::Unavailable(late.into())));
    let (plan, holds) = match answer {
        Ok(found) => (found.map_or_else(Plan::free, Plan::from), FRESH),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, account.id = %account, "a plan is not known");
            let last = tenant.known.load().as_deref().map(|known| known.plan.clone());
            (last.unwrap_or_else(Plan::free), AGAIN)
        }
    };
    let known = Arc::new(Known { plan, until: Instant::now() + holds });
    tenant.known.store(Some(Arc::clone(&known)));
    known
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key's account has no principal at the gateway; one id in, one row out"
)]
async fn look_up(db: &Db, account: AccountId) -> db::Result<Option<Row>> {
    db.system(Reason::Limits).await?.ask(LIMITS, |row| row.put(account)).await
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
