//! API keys at the gateway. A key is exchanged at the auth-service for an access token, which is cached until
//! shortly before it expires, or until the key is revoked. So services only see tokens, and a key costs one
//! exchange in ten minutes. While revocations are not in sync, every request triggers an exchange.
//!
//! Cache entries are stored under a keyed hash, with a key of this process: a memory dump contains no API key.

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

/// Maximum number of entries: a token has a kilobyte, with large permission sets ten.
const MAX_ENTRIES: u64 = 20_000;
/// Maximum time to live, whatever a token says.
const MAX_CACHE_TTL: Duration = Duration::from_secs(3600);
/// Minimum remaining life of a cached token: a request takes time.
const MARGIN: Duration = Duration::from_secs(30);
/// Negative caching of a rejected key.
const REFUSED: Duration = Duration::from_secs(3);
/// Negative caching of a failed exchange, for concurrent requests that wait for it.
const FAILED: Duration = Duration::from_secs(1);

/// Cache of API keys and the outcomes of their exchanges.
#[derive(Clone)]
pub(crate) struct ApiKeyCache {
    known: Cache<[u8; 32], Arc<CacheKey>>,
    hasher: hmac::Key,
    clock: Clock,
    revocations: Revocations,
}

/// One key from one client address: another address triggers an exchange, so that the auth-service records the
/// use.
#[derive(Default)]
struct CacheKey(OnceCell<CachedOutcome>);

/// Cached outcome of an exchange with its expiry.
struct CachedOutcome {
    outcome: ExchangeOutcome,
    /// Time of the exchange.
    asked: Instant,
    /// Expiry as Unix time in seconds.
    until: i64,
}

/// Outcome of an exchange.
#[derive(Clone)]
pub(crate) enum ExchangeOutcome {
    /// Authorization header `Bearer …`, and its lifetime.
    Token(HeaderValue, Duration),
    Refused,
    Failed,
}

/// Access token obtained for an API key.
pub(crate) struct Exchanged {
    pub(crate) header: HeaderValue,
    /// Whether it was cached before this request.
    pub(crate) remembered: bool,
    name: [u8; 32],
    slot: Arc<CacheKey>,
}

impl ApiKeyCache {
    pub(crate) fn new(clock: Clock, revocations: Revocations) -> Self {
        let known = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(MAX_CACHE_TTL).build();
        Self { known, hasher: Secret::generate().key_for("API keys"), clock, revocations }
    }

    /// Returns the token for a key; concurrent requests wait for a single `exchange`.
    pub(crate) async fn token(
        &self,
        text: &str,
        client: Option<IpAddr>,
        exchange: impl AsyncFnOnce() -> ExchangeOutcome,
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
            CachedOutcome::new(&self.clock, asked, exchange().await)
        });
        match found.await.outcome.clone() {
            ExchangeOutcome::Token(header, _) => Ok(Exchanged { header, remembered, name, slot }),
            ExchangeOutcome::Refused => Err(Error::Unauthenticated),
            ExchangeOutcome::Failed => Err(Error::Unavailable("an API key could not be exchanged".into())),
        }
    }

    /// Whether the cached outcome is valid, and revocations are in sync.
    fn holds(&self, key: &ApiKey, found: &CachedOutcome) -> bool {
        self.revocations.is_in_sync() && self.stands(key, found)
    }

    /// Whether the cached outcome is valid according to known revocations.
    fn stands(&self, key: &ApiKey, found: &CachedOutcome) -> bool {
        found.until > self.clock.unix_seconds()
            && !self.revocations.revoked_since(key.account, key.id, found.asked)
    }

    /// Whether a valid token is cached for the key.
    pub(crate) fn is_cached(&self, text: &str, client: Option<IpAddr>) -> bool {
        let slot = self.known.get(&self.name(text, client));
        let found = slot.as_ref().and_then(|slot| slot.0.get());
        let good = found.filter(|found| matches!(found.outcome, ExchangeOutcome::Token(..)));
        good.zip(ApiKey::read(text)).is_some_and(|(found, key)| self.stands(&key, found))
    }

    /// Removes a token that a service has rejected: its rights have changed, or it was revoked.
    pub(crate) fn forget(&self, token: &Exchanged) {
        self.forget_slot(&token.name, &token.slot);
    }

    /// Removes an entry, unless it was replaced meanwhile.
    fn forget_slot(&self, name: &[u8; 32], slot: &Arc<CacheKey>) {
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

impl CachedOutcome {
    fn new(clock: &Clock, asked: Instant, outcome: ExchangeOutcome) -> Self {
        let holds = match &outcome {
            ExchangeOutcome::Token(_, life) => life.saturating_sub(MARGIN).min(MAX_CACHE_TTL),
            ExchangeOutcome::Refused => REFUSED,
            ExchangeOutcome::Failed => FAILED,
        };
        Self { outcome, asked, until: clock.unix_seconds().saturating_add_unsigned(holds.as_secs()) }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AccountId, SessionId};
    use revocation::RevokedTokens;

    use super::*;

    fn key() -> String {
        ApiKey::generate(AccountId::new(), SessionId::new()).text
    }

    fn token(text: &'static str, seconds: u64) -> ExchangeOutcome {
        ExchangeOutcome::Token(HeaderValue::from_static(text), Duration::from_secs(seconds))
    }

    async fn ask(
        keys: &ApiKeyCache,
        key: &str,
        client: u8,
        answer: ExchangeOutcome,
    ) -> Result<(HeaderValue, bool)> {
        let client = Some(IpAddr::from([192, 0, 2, client]));
        let token = keys.token(key, client, async || answer).await?;
        Ok((token.header, token.remembered))
    }

    #[tokio::test]
    async fn a_token_is_remembered_until_shortly_before_it_ends_and_for_its_client_alone() {
        let clock = Clock::fixed(1000);
        let key = key();
        let keys = ApiKeyCache::new(clock.clone(), Revocations::default());
        assert_eq!(ask(&keys, &key, 1, token("a", 600)).await.unwrap(), ("a".parse().unwrap(), false));
        assert_eq!(ask(&keys, &key, 2, token("b", 600)).await.unwrap(), ("b".parse().unwrap(), false));
        clock.advance(Duration::from_secs(569));
        assert_eq!(
            ask(&keys, &key, 1, ExchangeOutcome::Refused).await.unwrap(),
            ("a".parse().unwrap(), true)
        );
        clock.advance(Duration::from_secs(2));
        assert_eq!(ask(&keys, &key, 1, token("c", 10)).await.unwrap(), ("c".parse().unwrap(), false));
        assert_eq!(ask(&keys, &key, 1, token("d", 600)).await.unwrap(), ("d".parse().unwrap(), false));
    }

    #[tokio::test]
    async fn a_refusal_is_remembered_for_moments() {
        let clock = Clock::fixed(1000);
        let key = key();
        let keys = ApiKeyCache::new(clock.clone(), Revocations::default());
        assert!(matches!(ask(&keys, &key, 1, ExchangeOutcome::Refused).await, Err(Error::Unauthenticated)));
        assert!(matches!(ask(&keys, &key, 1, token("a", 600)).await, Err(Error::Unauthenticated)));
        clock.advance(Duration::from_secs(4));
        ask(&keys, &key, 1, token("a", 600)).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_forgotten_late_takes_nothing_newer_away() {
        let key = key();
        let keys = ApiKeyCache::new(Clock::system(), Revocations::default());
        let old = keys.token(&key, None, async || token("old", 600)).await.unwrap();
        keys.forget(&old);
        keys.token(&key, None, async || token("new", 600)).await.unwrap();
        keys.forget(&old);
        let now = keys.token(&key, None, async || ExchangeOutcome::Refused).await.unwrap();
        assert_eq!((now.header.to_str().unwrap(), now.remembered), ("new", true));
    }

    #[tokio::test]
    async fn a_revoked_api_key_is_exchanged_again() {
        let (key, revocations) = (key(), Revocations::default());
        let keys = ApiKeyCache::new(Clock::system(), revocations.clone());
        ask(&keys, &key, 1, token("old", 600)).await.unwrap();
        let ApiKey { account, id, .. } = ApiKey::read(&key).unwrap();
        revocations.publish(&[
            RevokedTokens::before(AccountId::new(), id, 1),
            RevokedTokens::entire_session(account, SessionId::new()),
        ]);
        assert_eq!(
            ask(&keys, &key, 1, ExchangeOutcome::Refused).await.unwrap().0,
            "old",
            "that was about others"
        );
        revocations.publish(&[RevokedTokens::before(account, id, 1)]);
        assert_eq!(ask(&keys, &key, 1, token("new", 600)).await.unwrap().0, "new");
        assert_eq!(ask(&keys, &key, 1, ExchangeOutcome::Refused).await.unwrap().0, "new");
        revocations.publish(&[RevokedTokens::entire_session(account, id)]);
        assert!(ask(&keys, &key, 1, ExchangeOutcome::Refused).await.is_err());
    }
}
