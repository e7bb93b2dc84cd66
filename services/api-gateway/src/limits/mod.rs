//! How often somebody may ask: each account as its plan says, each API key half of that, and each address before anybody
//! has come in. Reads, writes and logins are counted apart.

mod addresses;
mod bodies;
mod charge;
mod plans;
mod settings;
mod shown;
mod tenant;

use std::{net::IpAddr, sync::Arc};

use ::limits::{Bucket, Buckets, Decision, Limiter, Rate, Standing, Tally};
use db::Db;
use http::Method;
use kernel::{AccountId, SessionId};
use web::{Beside, Error, Result};

pub(crate) use charge::Charge;
use charge::Held;
pub(crate) use settings::Settings;
pub(crate) use shown::{document, shown};

use addresses::Addresses;
use plans::Plans;
use tenant::Pair;

/// How many accounts and keys are remembered: a kilobyte each, with their buckets.
const MOST: u64 = 50_000;
/// The part of its account's limits that one key has: no key eats up what its account has.
const PART_OF_KEY: u32 = 2;

const ACCOUNT: &str = "this account sends too many requests; wait as long as Retry-After says";
const KEY: &str = "this API key sends too many requests; wait as long as Retry-After says";
const ADDRESS: &str = "too many attempts from this address; wait as long as Retry-After says";
const AT_ONCE: &str = "too many requests of this account, or from this address, are running at once";

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// Everything that is limited at this gateway.
pub(crate) struct Limits {
    limiter: Limiter,
    plans: Plans,
    keys: Buckets<(AccountId, SessionId), Pair>,
    addresses: Addresses,
    tallies: Tallies,
}

/// What is counted of decisions.
struct Tallies {
    account: [Tally; 2],
    key: [Tally; 2],
    address: Tally,
    at_once: Tally,
}

impl Kind {
    /// Whether it reads, or does nothing that stays.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let is_question = || path.ends_with("/search") || path.ends_with("/preview");
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            Method::POST if is_question() => Self::Read,
            _ => Self::Write,
        }
    }
}

impl Limits {
    pub(crate) fn new(settings: &Settings, db: Db) -> Self {
        let pair = |read, write| [Tally::of(read), Tally::of(write)];
        Self {
            limiter: settings.store.limiter(),
            plans: Plans::new(db),
            keys: Buckets::at_most(MOST),
            addresses: Addresses::new(settings),
            tallies: Tallies {
                account: pair("account_read", "account_write"),
                key: pair("key_read", "key_write"),
                address: Tally::of("address"),
                at_once: Tally::of("at_once"),
            },
        }
    }

    /// What the gateway needs for it beside its database.
    pub(crate) fn beside(&self) -> Option<Beside> {
        self.limiter.troubles().map(|troubles| Beside::new("limits", troubles))
    }

    /// Charges the address of somebody whom nobody knows yet.
    pub(crate) async fn knock(&self, client: Option<IpAddr>, charge: &mut Charge) -> Result<()> {
        let bucket = self.addresses.bucket(client);
        let decision = self.limiter.take(&bucket, self.addresses.rate).await;
        self.tallies.address.count(decision.allowed);
        charge.note(decision.standing);
        allowed(decision, ADDRESS)
    }

    /// Whether an address has sent so much that nobody could come in with that nothing of it should cost anything.
    pub(crate) fn has_spent(&self, client: Option<IpAddr>) -> Option<Standing> {
        let bucket = self.addresses.known(client)?;
        let standing = self.limiter.glance(&bucket, self.addresses.rate);
        (standing.remaining == 0 && !standing.wait.is_zero()).then_some(standing)
    }

    /// The refusal of somebody whose address has spent all that it has.
    pub(crate) fn turned_away(&self, standing: Standing, charge: &mut Charge) -> Error {
        self.tallies.address.count(false);
        charge.note(standing);
        Error::TooMany(ADDRESS, seconds(standing))
    }

    /// Charges an account, and the key that asks for it, and takes a place among its requests.
    pub(crate) async fn charge(
        &self,
        (account, client): (AccountId, Option<IpAddr>),
        key: Option<SessionId>,
        kind: Kind,
        charge: &mut Charge,
    ) -> Result<()> {
        let (tenant, known) = self.plans.of(account).await;
        let plan = &known.plan;
        let place = tenant.places.enter(plan.at_once);
        // Accounts that cost nothing are opened by the dozen; what others have is for them to spread.
        let client = client.filter(|_| plan.is_free());
        let shared = client.map(|client| self.addresses.enter(client, plan.at_once));
        let has_room = place.is_some() && !matches!(shared, Some(None));
        self.tallies.at_once.count(has_room);
        let (bucket, rate) = (tenant.buckets.of(kind), plan.rate(kind));
        if !has_room {
            charge.note(self.limiter.glance(bucket, rate));
            return Err(Error::TooMany(AT_ONCE, 1));
        }
        let key = key.map(|key| self.key(account, key));
        let of_key = rate.part(PART_OF_KEY);
        if let Some(key) = &key {
            self.take(key.of(kind), of_key, kind, &self.tallies.key, KEY, charge).await?;
        }
        let taken = self.take(bucket, rate, kind, &self.tallies.account, ACCOUNT, charge).await;
        if let (Err(_), Some(key)) = (&taken, &key) {
            self.limiter.give_back(key.of(kind), of_key);
        }
        charge.hold(Held { of_account: place, _of_address: shared.flatten() });
        taken
    }

    async fn take(
        &self,
        bucket: &Bucket,
        rate: Rate,
        kind: Kind,
        tallies: &[Tally; 2],
        refusal: &'static str,
        charge: &mut Charge,
    ) -> Result<()> {
        let decision = self.limiter.take(bucket, rate).await;
        let [read, write] = tallies;
        if kind == Kind::Read { read } else { write }.count(decision.allowed);
        charge.note(decision.standing);
        allowed(decision, refusal)
    }

    fn key(&self, account: AccountId, key: SessionId) -> Arc<Pair> {
        self.keys.of((account, key), || Pair::new(&format!("key:{account}:{key}")))
    }
}

fn allowed(decision: Decision, refusal: &'static str) -> Result<()> {
    if decision.allowed { Ok(()) } else { Err(Error::TooMany(refusal, seconds(decision.standing))) }
}

/// How long to wait, in whole seconds: whoever does is not told again.
fn seconds(standing: Standing) -> u32 {
    charge::whole_seconds(standing.wait).max(1)
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
            assert_eq!(Kind::of(&method, path), kind, "{method} {path}");
        }
    }
}
