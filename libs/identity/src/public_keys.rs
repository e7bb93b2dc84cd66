//! The keys by which tokens are verified.

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

/// The keys by which tokens are verified now; they may be replaced while requests run. Clones are the same set.
#[derive(Clone, Default)]
pub struct PublicKeys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    set: ArcSwap<Set>,
    /// Two who replace the set at once would end each other's keys.
    replacing: Mutex<()>,
}

#[derive(Default)]
struct Set {
    published: Jwks,
    keys: HashMap<String, Arc<PublicKey>>,
}

/// A key, and whether it still stands. Whoever remembers a token remembers its key, and asks it: a key that has ended
/// takes its tokens with it, and the tokens of all others stay remembered.
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
    /// Takes the keys of `jwks` in place of the present ones. Those that are not Ed25519 are passed over: another
    /// kind of key is never ours.
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

    /// All of them, as an issuer publishes them.
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
    /// The keys of `jwks`: those that were here already as they are.
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
