//! Rate limiting: each account according to its plan, each API key half of that, and each address before
//! authentication. Reads, writes and logins have separate buckets.

mod addresses;
mod bodies;
mod plans;
mod report;
mod settings;
mod tenant;

use std::{net::IpAddr, sync::Arc, time::Duration};

use db::Db;
use http::Method;
use kernel::{AccountId, SessionId};
use rate_limit::{Bucket, BucketState, Buckets, Decision, DecisionCounter, Limiter, Rate};
use web::{Dependency, Error, Result};

pub(crate) use plans::PLAN_TTL;
pub(crate) use report::{RateLimit, RateLimitBucket};
pub(crate) use settings::Settings;

use addresses::Addresses;
use plans::Plans;
use tenant::ReadWriteBuckets;

use crate::{
    rate_limit_charge::{ConcurrencyPermits, whole_seconds},
    request_context::RequestContext,
};

/// Maximum number of accounts and keys in memory: a kilobyte each, with their buckets.
const MAX_BUCKETS: u64 = 50_000;
/// Divisor for the limits of one API key, so that no key can use up its account's limits.
const PART_OF_KEY: u32 = 2;

const ACCOUNT: &str = "this account sends too many requests; wait as long as Retry-After says";
const KEY: &str = "this API key sends too many requests; wait as long as Retry-After says";
const ADDRESS: &str = "too many attempts from this address; wait as long as Retry-After says";
const AT_ONCE: &str = "too many requests of this account, or from this address, are running at once";

/// Kind of a request, which determines its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// All rate limits of this gateway.
pub(crate) struct Limits {
    limiter: Limiter,
    plans: Plans,
    keys: Buckets<(AccountId, SessionId), ReadWriteBuckets>,
    addresses: Addresses,
    tallies: DecisionCounters,
}

/// Counters of decisions by bucket kind.
struct DecisionCounters {
    account: [DecisionCounter; 2],
    key: [DecisionCounter; 2],
    address: DecisionCounter,
    at_once: DecisionCounter,
}

impl Kind {
    /// Classifies a request: one without lasting effect is a read.
    pub(crate) fn from_request(method: &Method, path: &str) -> Self {
        let is_question = || path.ends_with("/search") || path.ends_with("/preview");
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            Method::POST if is_question() => Self::Read,
            _ => Self::Write,
        }
    }
}

impl Limits {
    pub(crate) fn new(settings: &Settings, plan_ttl: Duration, db: Db) -> Self {
        let pair = |read, write| [DecisionCounter::new(read), DecisionCounter::new(write)];
        Self {
            limiter: settings.store.limiter(),
            plans: Plans::new(db, plan_ttl),
            keys: Buckets::at_most(MAX_BUCKETS),
            addresses: Addresses::new(settings),
            tallies: DecisionCounters {
                account: pair("account_read", "account_write"),
                key: pair("key_read", "key_write"),
                address: DecisionCounter::new("address"),
                at_once: DecisionCounter::new("at_once"),
            },
        }
    }

    /// Redis as a dependency of the gateway, if it is configured.
    pub(crate) fn beside(&self) -> Option<Dependency> {
        self.limiter.failures().map(|troubles| Dependency::new("limits", troubles))
    }

    /// Charges a request: to the account and the API key of its caller, or to the client address without one.
    pub(crate) async fn rate_limit(&self, context: &mut RequestContext, kind: Kind) -> Result<()> {
        match context.caller.as_ref().map(|caller| (caller.subject.limit_key(), caller.api_key)) {
            Some((account, key)) => self.charge_account(context, account, key, kind).await,
            None => self.charge_address(context).await,
        }
    }

    /// Charges the address of an unauthenticated caller.
    pub(crate) async fn charge_address(&self, context: &mut RequestContext) -> Result<()> {
        let bucket = self.addresses.bucket(context.client.0);
        let decision = self.limiter.take(&bucket, self.addresses.rate).await;
        self.tallies.address.count(decision.allowed);
        context.charge.note(decision.standing);
        allowed(decision, ADDRESS)
    }

    /// Whether this address has used up its budget of failed attempts; returns the state of its bucket.
    pub(crate) fn exhausted(&self, client: Option<IpAddr>) -> Option<BucketState> {
        let bucket = self.addresses.known(client)?;
        let standing = self.limiter.glance(&bucket, self.addresses.rate);
        (standing.remaining == 0 && !standing.wait.is_zero()).then_some(standing)
    }

    /// Error for an address that has used up its budget.
    pub(crate) fn reject(&self, standing: BucketState, context: &mut RequestContext) -> Error {
        self.tallies.address.count(false);
        context.charge.note(standing);
        Error::TooMany(ADDRESS, seconds(standing))
    }

    /// Charges the account and its API key, and acquires concurrency permits.
    async fn charge_account(
        &self,
        context: &mut RequestContext,
        account: AccountId,
        key: Option<SessionId>,
        kind: Kind,
    ) -> Result<()> {
        let (tenant, known) = self.plans.get(account).await;
        let plan = &known.plan;
        let place = tenant.places.enter(plan.at_once);
        // Free accounts can be opened in any number, so they share limits per address; paid ones do not.
        let client = context.client.0.filter(|_| plan.is_free());
        let shared = client.map(|client| self.addresses.enter(client, plan.at_once));
        let has_room = place.is_some() && !matches!(shared, Some(None));
        self.tallies.at_once.count(has_room);
        let (bucket, rate) = (tenant.buckets.bucket(kind), plan.rate(kind));
        if !has_room {
            context.charge.note(self.limiter.glance(bucket, rate));
            return Err(Error::TooMany(AT_ONCE, 1));
        }
        let key = key.map(|key| self.key(account, key));
        let of_key = rate.part(PART_OF_KEY);
        if let Some(key) = &key {
            self.take(key.bucket(kind), of_key, kind, &self.tallies.key, KEY, context).await?;
        }
        let taken = self.take(bucket, rate, kind, &self.tallies.account, ACCOUNT, context).await;
        if let (Err(_), Some(key)) = (&taken, &key) {
            self.limiter.give_back(key.bucket(kind), of_key);
        }
        context.charge.hold(ConcurrencyPermits { of_account: place, _of_address: shared.flatten() });
        taken
    }

    async fn take(
        &self,
        bucket: &Bucket,
        rate: Rate,
        kind: Kind,
        tallies: &[DecisionCounter; 2],
        refusal: &'static str,
        context: &mut RequestContext,
    ) -> Result<()> {
        let decision = self.limiter.take(bucket, rate).await;
        let [read, write] = tallies;
        if kind == Kind::Read { read } else { write }.count(decision.allowed);
        context.charge.note(decision.standing);
        allowed(decision, refusal)
    }

    fn key(&self, account: AccountId, key: SessionId) -> Arc<ReadWriteBuckets> {
        self.keys.get_or_insert((account, key), || ReadWriteBuckets::new(&format!("key:{account}:{key}")))
    }
}

fn allowed(decision: Decision, refusal: &'static str) -> Result<()> {
    if decision.allowed { Ok(()) } else { Err(Error::TooMany(refusal, seconds(decision.standing))) }
}

/// Time to wait in whole seconds, sufficient for a retry to succeed.
fn seconds(standing: BucketState) -> u32 {
    whole_seconds(standing.wait).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_a_write() {
        for (method, path, kind) in [
            (Method::GET, "/api/v1/clients", Kind::Read),
            (Method::HEAD, "/api/v1/clients", Kind::Read),
            (Method::POST, "/api/v1/clients/search", Kind::Read),
            (Method::POST, "/api/v1/clients/bulk/preview", Kind::Read),
            (Method::POST, "/api/v1/clients", Kind::Write),
            (Method::DELETE, "/api/v1/clients/search", Kind::Write),
            (Method::PATCH, "/api/v1/clients/1", Kind::Write),
        ] {
            assert_eq!(Kind::from_request(&method, path), kind, "{method} {path}");
        }
    }
}
