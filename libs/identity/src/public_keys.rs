//! Public keys for token verification.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use jsonwebtoken::DecodingKey;

use crate::Jwks;

/// Set of public keys that tokens are verified with; it may be replaced at any time. Clones share the set.
#[derive(Clone, Default)]
pub struct PublicKeys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    set: ArcSwap<Set>,
    /// Serializes replacements: concurrent ones would revoke each other's keys.
    replacing: Mutex<()>,
}

#[derive(Default)]
struct Set {
    published: Jwks,
    keys: HashMap<String, Arc<PublicKey>>,
}

/// A public key, and whether it was revoked. Cached tokens reference their key: revoking it invalidates its
/// tokens, while all others stay cached.
pub(crate) struct PublicKey {
    pub(crate) decoding: DecodingKey,
    x: String,
    ended: AtomicBool,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.x)
    }
}

impl PublicKey {
    pub(crate) fn stands(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }
}

impl PublicKeys {
    /// Replaces the set by the keys of `jwks` and revokes the others. Keys that are not Ed25519 are ignored: the
    /// issuer uses no other kind.
    pub fn replace(&self, jwks: &Jwks) {
        let _alone = self.0.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.0.set.load_full();
        let keys = before.followed_by(jwks);
        self.0.set.store(Arc::new(Set { published: jwks.clone(), keys: keys.clone() }));
        for (kid, key) in &before.keys {
            let stays = keys.get(kid).is_some_and(|kept| Arc::ptr_eq(kept, key));
            key.ended.store(!stays, Ordering::Release);
        }
    }

    /// The complete key set, as an issuer publishes it.
    #[must_use]
    pub fn published(&self) -> Jwks {
        self.0.set.load().published.clone()
    }

    pub(crate) fn find(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.0.set.load().keys.get(kid).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.set.load().keys.is_empty()
    }
}

impl Set {
    /// Keys of `jwks`; those already known keep their identity.
    fn followed_by(&self, jwks: &Jwks) -> HashMap<String, Arc<PublicKey>> {
        let usable = jwks.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
        let key = |x: &str| {
            let decoding = DecodingKey::from_ed_components(x).ok()?;
            Some(Arc::new(PublicKey { decoding, x: x.to_owned(), ended: AtomicBool::new(false) }))
        };
        usable
            .filter_map(|one| {
                let known = self.keys.get(&one.kid).filter(|known| known.x == one.x);
                Some((one.kid.clone(), known.cloned().or_else(|| key(&one.x))?))
            })
            .collect()
    }
}
