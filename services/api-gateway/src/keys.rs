//! API keys at the edge. A key is exchanged at the auth-service for an access token, which is remembered until shortly
//! before it ends, or until something is told of the key: services see tokens alone, and a key costs one exchange in ten
//! minutes. While nobody can tell whether keys have ended, each request is exchanged for anew.
//!
//! What is remembered stands under a hash whose key only this process has: a copy of its memory shows no API key.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use http::HeaderValue;
use identity::{ApiKey, Secret};
use kernel::Clock;
use moka::sync::Cache;
use revocation::Revocations;
use tokio::sync::OnceCell;
use web::{Error, Result};

/// How many are remembered: a token has a kilobyte, with large permission sets ten.
const MOST: u64 = 20_000;
/// Nothing is remembered for longer, whatever a token says.
const LONGEST: Duration = Duration::from_secs(3600);
/// A token is used no more when this is left of it: a request takes its time.
const MARGIN: Duration = Duration::from_secs(30);
/// A key that was refused is no good a moment later either.
const REFUSED: Duration = Duration::from_secs(3);
/// All who wait for an exchange that failed learn it together.
const FAILED: Duration = Duration::from_secs(1);

/// The keys that were lately shown, and what came of it.
#[derive(Clone)]
pub(crate) struct Keys {
    known: Cache<[u8; 32], Arc<Slot>>,
    hasher: hmac::Key,
    clock: Clock,
    revocations: Revocations,
}

/// One key of one client: from elsewhere it is exchanged anew, so that the auth-service notes whence a key is used.
#[derive(Default)]
struct Slot(OnceCell<Found>);

/// What came of an exchange, and until when it holds.
struct Found {
    outcome: Outcome,
    /// When it was asked for.
    asked: Instant,
    /// In seconds since 1970.
    until: i64,
}

/// What came of an exchange.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// `Bearer …`, and its life.
    Token(HeaderValue, Duration),
    Refused,
    Failed,
}

/// The token for a key.
pub(crate) struct Exchanged {
    pub(crate) header: HeaderValue,
    /// Whether it was there before this request.
    pub(crate) remembered: bool,
    name: [u8; 32],
    slot: Arc<Slot>,
}

impl Keys {
    pub(crate) fn new(clock: Clock, revocations: Revocations) -> Self {
        let known = Cache::builder().max_capacity(MOST).time_to_live(LONGEST).build();
        Self { known, hasher: Secret::generate().key_for("API keys"), clock, revocations }
    }

    /// The token for a key; many who ask at once wait for one `exchange`.
    pub(crate) async fn token(
        &self,
        text: &str,
        client: Option<IpAddr>,
        exchange: impl AsyncFnOnce() -> Outcome,
    ) -> Result<Exchanged> {
        let key = ApiKey::read(text).ok_or(Error::Unauthenticated)?;
        let name = self.name(text, client);
        let mut slot = self.known.get_with(name, Arc::default);
        if slot.0.get().is_some_and(|found| !self.holds(&key, found)) {
            self.forget_slot(&name, &slot);
            slot = self.known.get_with(name, Arc::default);
        }
        let mut remembered = true;
        let found = slot.0.get_or_init(async || {
            remembered = false;
            let asked = Instant::now();
            Found::at(&self.clock, asked, exchange().await)
        });
        match found.await.outcome.clone() {
            Outcome::Token(header, _) => Ok(Exchanged { header, remembered, name, slot }),
            Outcome::Refused => Err(Error::Unauthenticated),
            Outcome::Failed => Err(Error::Unavailable("an API key could not be exchanged".into())),
        }
    }

    /// Whether what was found still stands, and nobody could know better.
    fn holds(&self, key: &ApiKey, found: &Found) -> bool {
        self.revocations.is_certain() && self.stands(key, found)
    }

    /// Whether it stands as far as we have heard.
    fn stands(&self, key: &ApiKey, found: &Found) -> bool {
        found.until > self.clock.unix_seconds()
            && !self.revocations.told_since(key.account, key.id, found.asked)
    }

    /// Whether a key was exchanged for a token that is still good.
    pub(crate) fn remembers(&self, text: &str, client: Option<IpAddr>) -> bool {
        let slot = self.known.get(&self.name(text, client));
        let found = slot.as_ref().and_then(|slot| slot.0.get());
        let good = found.filter(|found| matches!(found.outcome, Outcome::Token(..)));
        good.zip(ApiKey::read(text)).is_some_and(|(found, key)| self.stands(&key, found))
    }

    /// A service has refused this token: its rights have changed, or it has ended.
    pub(crate) fn forget(&self, token: &Exchanged) {
        self.forget_slot(&token.name, &token.slot);
    }

    /// Unless somebody else has put a newer one there.
    fn forget_slot(&self, name: &[u8; 32], slot: &Arc<Slot>) {
        if self.known.get(name).is_some_and(|now| Arc::ptr_eq(&now, slot)) {
            self.known.invalidate(name);
        }
    }

    fn name(&self, key: &str, client: Option<IpAddr>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hasher);
        context.update(key.as_bytes());
        match client {
            Some(IpAddr::V4(address)) => context.update(&address.octets()),
            Some(IpAddr::V6(address)) => context.update(&address.octets()),
            None => {}
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        name
    }
}

impl Found {
    fn at(clock: &Clock, asked: Instant, outcome: Outcome) -> Self {
        let holds = match &outcome {
            Outcome::Token(_, life) => life.saturating_sub(MARGIN).min(LONGEST),
            Outcome::Refused => REFUSED,
            Outcome::Failed => FAILED,
        };
        Self { outcome, asked, until: clock.unix_seconds().saturating_add_unsigned(holds.as_secs()) }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AccountId, SessionId};
    use revocation::Ended;

    use super::*;

    fn key() -> String {
        ApiKey::generate(AccountId::new(), SessionId::new()).text
    }

    fn token(text: &'static str, seconds: u64) -> Outcome {
        Outcome::Token(HeaderValue::from_static(text), Duration::from_secs(seconds))
    }

    async fn ask(keys: &Keys, key: &str, client: u8, answer: Outcome) -> Result<(HeaderValue, bool)> {
        let client = Some(IpAddr::from([192, 0, 2, client]));
        let token = keys.token(key, client, async || answer).await?;
        Ok((token.header, token.remembered))
    }

    #[tokio::test]
    async fn a_token_is_remembered_until_shortly_before_it_ends_and_for_its_client_alone() {
        let clock = Clock::standing(1000);
        let key = key();
        let keys = Keys::new(clock.clone(), Revocations::default());
        assert_eq!(ask(&keys, &key, 1, token("a", 600)).await.unwrap(), ("a".parse().unwrap(), false));
        assert_eq!(ask(&keys, &key, 2, token("b", 600)).await.unwrap(), ("b".parse().unwrap(), false));
        clock.advance(Duration::from_secs(569));
        assert_eq!(ask(&keys, &key, 1, Outcome::Refused).await.unwrap(), ("a".parse().unwrap(), true));
        clock.advance(Duration::from_secs(2));
        assert_eq!(ask(&keys, &key, 1, token("c", 10)).await.unwrap(), ("c".parse().unwrap(), false));
        assert_eq!(ask(&keys, &key, 1, token("d", 600)).await.unwrap(), ("d".parse().unwrap(), false));
    }

    #[tokio::test]
    async fn a_refusal_is_remembered_for_moments() {
        let clock = Clock::standing(1000);
        let key = key();
        let keys = Keys::new(clock.clone(), Revocations::default());
        assert!(matches!(ask(&keys, &key, 1, Outcome::Refused).await, Err(Error::Unauthenticated)));
        assert!(matches!(ask(&keys, &key, 1, token("a", 600)).await, Err(Error::Unauthenticated)));
        clock.advance(Duration::from_secs(4));
        ask(&keys, &key, 1, token("a", 600)).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_forgotten_late_takes_nothing_newer_away() {
        let key = key();
        let keys = Keys::new(Clock::system(), Revocations::default());
        let old = keys.token(&key, None, async || token("old", 600)).await.unwrap();
        keys.forget(&old);
        keys.token(&key, None, async || token("new", 600)).await.unwrap();
        keys.forget(&old);
        let now = keys.token(&key, None, async || Outcome::Refused).await.unwrap();
        assert_eq!((now.header.to_str().unwrap(), now.remembered), ("new", true));
    }

    #[tokio::test]
    async fn what_was_told_of_a_key_makes_it_ask_again() {
        let (key, revocations) = (key(), Revocations::default());
        let keys = Keys::new(Clock::system(), revocations.clone());
        ask(&keys, &key, 1, token("old", 600)).await.unwrap();
        let ApiKey { account, id, .. } = ApiKey::read(&key).unwrap();
        revocations.tell(&[Ended::before(AccountId::new(), id, 1), Ended::whole(account, SessionId::new())]);
        assert_eq!(ask(&keys, &key, 1, Outcome::Refused).await.unwrap().0, "old", "that was about others");
        revocations.tell(&[Ended::before(account, id, 1)]);
        assert_eq!(ask(&keys, &key, 1, token("new", 600)).await.unwrap().0, "new");
        assert_eq!(ask(&keys, &key, 1, Outcome::Refused).await.unwrap().0, "new");
        revocations.tell(&[Ended::whole(account, id)]);
        assert!(ask(&keys, &key, 1, Outcome::Refused).await.is_err());
    }
}
