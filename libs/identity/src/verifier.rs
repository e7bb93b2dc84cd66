//! Turns a token into a principal, and remembers that it did.

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

/// No token of ours is longer; a longer text is not looked at.
const LONGEST: usize = 16 * 1024;
/// How many verified tokens are remembered: about 100 MB at the most, with large permission sets.
const REMEMBERED: u64 = 100_000;
/// How far the clocks of two machines may differ, in seconds.
const LEEWAY: i64 = 5;

/// Why a token makes nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, forged, expired, of another issuer, or of a session that has ended: a client learns no more.
    #[error("the access token is not valid")]
    Invalid,
    /// It is good, and of a person who is a member of no account.
    #[error("the token is of a person who is a member of no account")]
    NoAccount,
    /// Nobody can tell yet: the issuer's keys have never been reached.
    #[error("the keys that verify tokens cannot be reached")]
    KeysUnavailable,
}

/// Verifies access tokens. The algorithm is ours, never the token's choice; a token that was verified is remembered by
/// its hash until it expires or its key ends, since a verification costs sixty times a look-up.
///
/// The hash is SipHash-2-4 of 128 bits under a key of this process: a pseudo-random function, so that nobody who does not
/// know the key can make another text of the same hash (Aumasson and Bernstein, 2012).
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

/// Whose token was found good.
enum Good {
    Member(Arc<Verified>),
    Person(PersonClaims),
}

/// What a token says, once its signature is known to be good.
enum Read {
    Member(Claims, Arc<PublicKey>),
    Person(PersonClaims),
}

impl Verifier {
    /// One for tokens of `issuer`, signed with one of `keys`.
    #[must_use]
    pub fn new(keys: PublicKeys, issuer: &str, clock: Clock) -> Self {
        Self::of(keys, None, issuer, clock)
    }

    /// One that asks `remote` for keys that it does not find in `keys`.
    pub(crate) fn asking(remote: Remote, keys: PublicKeys, issuer: &str, clock: Clock) -> Self {
        Self::of(keys, Some(remote), issuer, clock)
    }

    fn of(keys: PublicKeys, remote: Option<Remote>, issuer: &str, clock: Clock) -> Self {
        let (rules, person_rules) = (rules(issuer, issuer), rules(issuer, &person_audience(issuer)));
        let looked = |result| counter!("nexo_token_cache_requests_total", "result" => result);
        let known = Cache::builder().max_capacity(REMEMBERED).time_to_live(Duration::from_secs(3600)).build();
        let hasher = SipHasher24::new_with_key(&random());
        let (hits, misses) = (looked("hit"), looked("miss"));
        let inner = Inner { keys, remote, rules, person_rules, clock, hasher, known, hits, misses };
        Self(Arc::new(inner), Revocations::default())
    }

    /// The same, which refuses tokens of sessions that `revocations` knows to have ended.
    #[must_use]
    pub fn heeding(self, revocations: &Revocations) -> Self {
        Self(self.0, revocations.clone())
    }

    /// Whether this token was verified before, and has not ended since: then it costs next to nothing.
    #[must_use]
    pub fn remembers(&self, token: &str) -> bool {
        if token.len() > LONGEST {
            return false;
        }
        let hash = self.0.hasher.hash(token.as_bytes()).as_bytes();
        let known = self.0.known.get(&hash).filter(|verified| verified.key.stands());
        known.is_some_and(|verified| self.0.clock.unix_seconds() < verified.expires)
    }

    /// Who sent this token with the request `request`, inside the account that it is for.
    pub async fn verify(&self, token: &str, request: Uuid) -> Result<Principal, TokenError> {
        match self.identify(token, request).await? {
            Identity::Member(who) => Ok(who),
            Identity::Person(_) => Err(TokenError::NoAccount),
        }
    }

    /// Who sent this token with the request `request`: somebody inside an account, or a person who is a member of none.
    pub async fn identify(&self, token: &str, request: Uuid) -> Result<Identity, TokenError> {
        let good = match (self.0.check(token), &self.0.remote) {
            (Err(Failure::UnknownKey), Some(remote)) => {
                remote.refresh().await;
                self.0.check(token)
            }
            (checked, _) => checked,
        };
        match good {
            Ok(Good::Member(verified)) if self.1.end(verified.account, verified.session, verified.epoch) => {
                Err(TokenError::Invalid)
            }
            Ok(Good::Member(verified)) => Ok(Identity::Member(Principal::new(verified, request))),
            Ok(Good::Person(PersonClaims { sub, sid, .. })) => {
                Ok(Identity::Person(Person { user: sub, session: sid, request }))
            }
            Err(Failure::Token(error)) => Err(error),
            Err(Failure::UnknownKey) if self.0.keys.is_empty() => Err(TokenError::KeysUnavailable),
            Err(Failure::UnknownKey) => Err(TokenError::Invalid),
        }
    }
}

/// By our clock the verifier itself looks whether a token has expired.
fn rules(issuer: &str, audience: &str) -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_exp = false;
    rules
}

impl Inner {
    fn check(&self, token: &str) -> Result<Good, Failure> {
        const INVALID: Failure = Failure::Token(TokenError::Invalid);
        if token.len() > LONGEST {
            return Err(INVALID);
        }
        let hash = self.hasher.hash(token.as_bytes()).as_bytes();
        let now = self.clock.unix_seconds();
        if let Some(verified) = self.known.get(&hash).filter(|verified| verified.key.stands()) {
            self.hits.increment(1);
            return if now < verified.expires { Ok(Good::Member(verified)) } else { Err(INVALID) };
        }
        self.misses.increment(1);
        let is_due = |iat: i64, exp: i64| now < exp && iat <= now + LEEWAY;
        let (claims, key) = match self.read(token)? {
            Read::Member(claims, key) if is_due(claims.iat, claims.exp) => (claims, key),
            Read::Person(claims) if is_due(claims.iat, claims.exp) => return Ok(Good::Person(claims)),
            Read::Member(..) | Read::Person(_) => return Err(INVALID),
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
        Ok(Good::Member(verified))
    }

    fn read(&self, token: &str) -> Result<Read, Failure> {
        const INVALID: Failure = Failure::Token(TokenError::Invalid);
        let header = jsonwebtoken::decode_header(token).map_err(|_| INVALID)?;
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(INVALID);
        }
        let key = self.keys.find(&header.kid.ok_or(INVALID)?).ok_or(Failure::UnknownKey)?;
        if header.typ.as_deref() == Some(PERSON_TYPE) {
            let claims = jsonwebtoken::decode(token, &key.decoding, &self.person_rules);
            return claims.map(|data| Read::Person(data.claims)).map_err(|_| INVALID);
        }
        let claims = jsonwebtoken::decode(token, &key.decoding, &self.rules).map_err(|_| INVALID)?.claims;
        Ok(Read::Member(claims, key))
    }
}
