//! Private keys, sealed: whoever reads the database, or a backup of it, signs nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Jwk, KeyError, Secret, SigningKey};

/// Seals private keys and opens them again: AES-256-GCM with a random nonce, under a key derived from `NEXO_SECRET`.
#[derive(Debug)]
pub struct SealingKey(RandomizedNonceKey);

/// A key as the database keeps it.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// What is published of it.
    pub public: Jwk,
    /// Its private half: the nonce, then the sealed PEM and its tag.
    pub sealed: Vec<u8>,
}

impl SealingKey {
    /// The one of this deployment.
    pub fn new(secret: &Secret) -> Result<Self, KeyError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret.bytes_for("signing keys"));
        key.map(Self).map_err(|_| KeyError::NotMade)
    }

    /// A new key.
    pub fn make(&self) -> Result<SealedKey, KeyError> {
        let pem = SigningKey::generate()?;
        let public = SigningKey::from_pem(&pem)?.public().clone();
        let mut text = pem.expose_secret().as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(public.kid.as_bytes()), &mut text);
        let nonce = nonce.map_err(|_| KeyError::NotMade)?;
        Ok(SealedKey { public, sealed: [nonce.as_ref().as_slice(), &text].concat() })
    }

    /// The key that was sealed under the name `kid`, and no other.
    pub fn open(&self, kid: &str, sealed: &[u8]) -> Result<SigningKey, KeyError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Sealed)?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(kid.as_bytes()), &mut text);
        let pem = opened.ok().and_then(|pem| std::str::from_utf8(pem).ok()).ok_or(KeyError::Sealed)?;
        SigningKey::from_pem(&SecretString::from(pem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_is_opened_by_its_secret_and_under_its_name_alone() {
        let ours = SealingKey::new(&Secret::generate()).unwrap();
        let key = ours.make().unwrap();
        let opened = ours.open(&key.public.kid, &key.sealed).unwrap();
        assert_eq!(opened.public(), &key.public);

        let other = SealingKey::new(&Secret::generate()).unwrap();
        assert!(matches!(other.open(&key.public.kid, &key.sealed), Err(KeyError::Sealed)));
        assert!(matches!(ours.open("another", &key.sealed), Err(KeyError::Sealed)));
        for cut in [0, 11, 12, key.sealed.len() - 1] {
            assert!(matches!(ours.open(&key.public.kid, &key.sealed[..cut]), Err(KeyError::Sealed)), "{cut}");
        }
    }

    #[test]
    fn what_is_sealed_shows_nothing_and_never_looks_the_same() {
        let secret = Secret::generate();
        let key = SealingKey::new(&secret).unwrap().make().unwrap();
        assert!(!key.sealed.windows(7).any(|part| part == b"PRIVATE"));
        assert_ne!(SealingKey::new(&secret).unwrap().make().unwrap().sealed[..12], key.sealed[..12]);
    }
}
