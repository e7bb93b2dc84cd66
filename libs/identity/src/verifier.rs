//! Verification of tokens, with a cache.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, Validation};
use kernel::Clock;
use metrics::{Counter, counter};
use moka::sync::Cache;
use revocation::Revocations;
use siphasher::sip128::SipHasher24;
use uuid::Uuid;

use crate::{
    Claims, Identity, Permissions, Person, Principal, PublicKeys,
    principal::Verified,
    public_keys::PublicKey,
    remote::Remote,
    secret::random,
    token::{PERSON_TYPE, PersonClaims, person_audience},
};

/// Maximum length of a token; longer texts are rejected unparsed.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Capacity of the cache of verified tokens: about 100 MB at most, with large permission sets.
const REMEMBERED: u64 = 100_000;
/// Tolerated clock difference between two machines, in seconds.
const LEEWAY: i64 = 5;

/// Reason for rejecting a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, forged, expired, of another issuer, or of an ended session; clients cannot tell which.
    #[error("the access token is not valid")]
    Invalid,
    /// The token is valid, but its person is a member of no account.
    #[error("the token is of a person who is a member of no account")]
    NoAccount,
    /// The issuer's keys could not be fetched yet.
    #[error("the keys that verify tokens cannot be reached")]
    KeysUnavailable,
}

/// Verifies access tokens. The algorithm is fixed, never taken from the token. A verified token is cached by its
/// hash until it expires or its key is revoked, because verification costs sixty times a lookup.
///
/// The hash is a 128-bit SipHash-2-4 with a key of this process: a pseudo-random function, so that collisions
/// cannot be constructed without the key (Aumasson and Bernstein, 2012).
#[derive(Clone)]
pub struct Verifier(Arc<Inner>, Revocations);

struct Inner {
    keys: PublicKeys,
    remote: Option<Remote>,
    rules: Validation,
    person_rules: Validation,
    clock: Clock,
    hasher: SipHasher24,
    known: Cache<[u8; 16], Arc<Verified>>,
    hits: Counter,
    misses: Counter,
}

enum Failure {
    Token(TokenError),
    UnknownKey,
}

/// Identity of a verified token.
enum VerifiedToken {
    Member(Arc<Verified>),
    Person(PersonClaims),
}

/// Claims of a token with a valid signature.
enum TokenContent {
    Member(Claims, Arc<PublicKey>),
    Person(PersonClaims),
}

impl Verifier {
    /// Creates a verifier for tokens of `issuer`, signed with one of `keys`.
    #[must_use]
    pub fn new(keys: PublicKeys, issuer: &str, clock: Clock) -> Self {
        Self::with_keys(keys, None, issuer, clock)
    }

    /// Creates a verifier that fetches unknown keys from `remote`.
    pub(crate) fn with_remote(remote: Remote, keys: PublicKeys, issuer: &str, clock: Clock) -> Self {
        Self::with_keys(keys, Some(remote), issuer, clock)
    }

    fn with_keys(keys: PublicKeys, remote: Option<Remote>, issuer: &str, clock: Clock) -> Self {
        let (rules, person_rules) = (rules(issuer, issuer), rules(issuer, &person_audience(issuer)));
        let looked = |result| counter!("nexo_token_cache_requests_total", "result" => result);
        let known = Cache::builder().max_capacity(REMEMBERED).time_to_live(Duration::from_secs(3600)).build();
        let hasher = SipHasher24::new_with_key(&random());
        let (hits, misses) = (looked("hit"), looked("miss"));
        let inner = Inner { keys, remote, rules, person_rules, clock, hasher, known, hits, misses };
        Self(Arc::new(inner), Revocations::default())
    }

    /// Also rejects tokens of sessions that are in `revocations`.
    #[must_use]
    pub fn with_revocations(self, revocations: &Revocations) -> Self {
        Self(self.0, revocations.clone())
    }

    /// Whether the token is cached and still valid, so that verifying it is cheap.
    #[must_use]
    pub fn is_cached(&self, token: &str) -> bool {
        if token.len() > MAX_TOKEN_BYTES {
            return false;
        }
        let hash = self.0.hasher.hash(token.as_bytes()).as_bytes();
        let known = self.0.known.get(&hash).filter(|verified| verified.key.stands());
        known.is_some_and(|verified| self.0.clock.unix_seconds() < verified.expires)
    }

    /// Verifies the token of a request and returns its principal; persons without an account are rejected.
    pub async fn verify(&self, token: &str, request: Uuid) -> Result<Principal, TokenError> {
        match self.identify(token, request).await? {
            Identity::Member(who) => Ok(who),
            Identity::Person(_) => Err(TokenError::NoAccount),
        }
    }

    /// Verifies the token of a request and returns its identity, with or without an account.
    pub async fn identify(&self, token: &str, request: Uuid) -> Result<Identity, TokenError> {
        let good = match (self.0.check(token), &self.0.remote) {
            (Err(Failure::UnknownKey), Some(remote)) => {
                Box::pin(remote.refresh()).await; // large, and rare: it would be moved with every request
                self.0.check(token)
            }
            (checked, _) => checked,
        };
        match good {
            Ok(VerifiedToken::Member(verified))
                if self.1.end(verified.account, verified.session, verified.epoch) =>
            {
                Err(TokenError::Invalid)
            }
            Ok(VerifiedToken::Member(verified)) => Ok(Identity::Member(Principal::new(verified, request))),
            Ok(VerifiedToken::Person(PersonClaims { sub, sid, .. })) => {
                Ok(Identity::Person(Person { user: sub, session: sid, request }))
            }
            Err(Failure::Token(error)) => Err(error),
            Err(Failure::UnknownKey) if self.0.keys.is_empty() => Err(TokenError::KeysUnavailable),
            Err(Failure::UnknownKey) => Err(TokenError::Invalid),
        }
    }
}

/// Validation rules. Expiry is checked by the verifier itself, with its own clock.
fn rules(issuer: &str, audience: &str) -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_exp = false;
    rules
}

impl Inner {
    fn check(&self, token: &str) -> Result<VerifiedToken, Failure> {
        const INVALID: Failure = Failure::Token(TokenError::Invalid);
        if token.len() > MAX_TOKEN_BYTES {
            return Err(INVALID);
        }
        let hash = self.hasher.hash(token.as_bytes()).as_bytes();
        let now = self.clock.unix_seconds();
        if let Some(verified) = self.known.get(&hash).filter(|verified| verified.key.stands()) {
            self.hits.increment(1);
            return if now < verified.expires { Ok(VerifiedToken::Member(verified)) } else { Err(INVALID) };
        }
        self.misses.increment(1);
        let is_due = |iat: i64, exp: i64| now < exp && iat <= now + LEEWAY;
        let (claims, key) = match self.read(token)? {
            TokenContent::Member(claims, key) if is_due(claims.iat, claims.exp) => (claims, key),
            TokenContent::Person(claims) if is_due(claims.iat, claims.exp) => {
                return Ok(VerifiedToken::Person(claims));
            }
            TokenContent::Member(..) | TokenContent::Person(_) => return Err(INVALID),
        };
        let verified = Arc::new(Verified {
            account: claims.account_id,
            user: claims.sub,
            session: claims.sid,
            epoch: claims.epo,
            roles: claims.roles,
            permissions: Permissions::new(claims.permissions).hiding(claims.hidden),
            for_key: claims.key,
            expires: claims.exp,
            key,
        });
        self.known.insert(hash, Arc::clone(&verified));
        Ok(VerifiedToken::Member(verified))
    }

    fn read(&self, token: &str) -> Result<TokenContent, Failure> {
        const INVALID: Failure = Failure::Token(TokenError::Invalid);
        let header = jsonwebtoken::decode_header(token).map_err(|_| INVALID)?;
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(INVALID);
        }
        let key = self.keys.find(&header.kid.ok_or(INVALID)?).ok_or(Failure::UnknownKey)?;
        if header.typ.as_deref() == Some(PERSON_TYPE) {
            let claims = jsonwebtoken::decode(token, &key.decoding, &self.person_rules);
            return claims.map(|data| TokenContent::Person(data.claims)).map_err(|_| INVALID);
        }
        let claims = jsonwebtoken::decode(token, &key.decoding, &self.rules).map_err(|_| INVALID)?.claims;
        Ok(TokenContent::Member(claims, key))
    }
}
