//! API keys: `nxk_<account>_<id>_<secret>`, each part in lower-case hexadecimal digits.
//!
//! A key names its account, so that the lookup goes to one tenant. Only the SHA-256 of its 256 random bits is
//! stored. They cannot be guessed, so a slow hash would protect nothing and slow down every exchange.

use aws_lc_rs::{constant_time, digest};
use kernel::{AccountId, SessionId};
use uuid::Uuid;

use crate::secret::random;

/// Prefix that identifies an API key, for example when one is found where it should not be.
const PREFIX: &str = "nxk_";

/// An API key as presented by a client; untrusted until [`ApiKey::matches`] returns true.
#[derive(Clone)]
pub struct ApiKey {
    /// Account that the key claims to belong to.
    pub account: AccountId,
    /// Id of the key, which is also the id of its session.
    pub id: SessionId,
    hash: [u8; 32],
}

/// A newly generated key. No `Debug`, so that it cannot end up in a log.
pub struct NewApiKey {
    /// The complete key; show it only once.
    pub text: String,
    /// Hash of the key, for storage.
    pub hash: [u8; 32],
}

impl ApiKey {
    /// Generates a new key with this id.
    #[must_use]
    pub fn generate(account: AccountId, id: SessionId) -> NewApiKey {
        let secret = [random::<16>(), random::<16>()];
        let [first, second] = secret.map(|half| Uuid::from_bytes(half).simple());
        let (account, id) = (Uuid::from(account).simple(), Uuid::from(id).simple());
        NewApiKey { text: format!("{PREFIX}{account}_{id}_{first}{second}"), hash: hash(&secret.concat()) }
    }

    /// Whether the text has the prefix of an API key, valid or not.
    #[must_use]
    pub fn has_prefix(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Parses a key; `None` if the text is malformed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.splitn(3, '_');
        let (account, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let (first, second) = secret.split_at_checked(32)?;
        let secret = [number(first)?.to_be_bytes(), number(second)?.to_be_bytes()].concat();
        Some(Self {
            account: Uuid::from_u128(number(account)?).into(),
            id: Uuid::from_u128(number(id)?).into(),
            hash: hash(&secret),
        })
    }

    /// Compares the key with the stored hash in constant time. Without a stored hash it does the same work and
    /// returns false.
    #[must_use]
    pub fn matches(&self, kept: Option<&[u8]>) -> bool {
        let same = constant_time::verify_slices_are_equal(&self.hash, kept.unwrap_or(&[0; 32])).is_ok();
        same && kept.is_some()
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    hash
}

/// Parses 32 lowercase hexadecimal digits; a key has exactly one spelling.
fn number(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (digits && text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_again_by_what_was_kept_of_it() {
        let (account, id) = (AccountId::new(), SessionId::new());
        let made = ApiKey::generate(account, id);
        let shown = ApiKey::read(&made.text).unwrap();
        assert_eq!((shown.account, shown.id), (account, id));
        assert!(shown.matches(Some(&made.hash)));
        assert!(!shown.matches(None));
        assert!(!shown.matches(Some(&[])));
        assert!(!shown.matches(Some(&ApiKey::generate(account, id).hash)), "another secret of the same name");
    }

    #[test]
    fn what_has_not_the_form_of_a_key_is_none() {
        let text = ApiKey::generate(AccountId::new(), SessionId::new()).text;
        for bad in [
            String::new(),
            "nxk_".to_owned(),
            "nxk___".to_owned(),
            text.to_uppercase(),
            text.replace("nxk_", "nxr_"),
            format!("{text}0"),
            format!("{text} "),
            text[..text.len() - 1].to_owned(),
            format!("{}+", &text[..text.len() - 1]),
            format!("nxk_{}", "é".repeat(66)),
        ] {
            assert!(ApiKey::read(&bad).is_none(), "{bad}");
        }
    }
}
