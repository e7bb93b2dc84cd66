//! Encrypted private keys: the database, or a backup of it, does not suffice to sign.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{Jwk, KeyError, Sealer, Secret, SigningKey};

/// Encrypts and decrypts private keys, each bound to its key id.
#[derive(Debug)]
pub struct SealingKey(Sealer);

/// An encrypted key as stored in the database.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// Public half of the key as a JWK.
    pub public: Jwk,
    /// Encrypted private half: the nonce, the sealed PEM and its tag.
    pub sealed: Vec<u8>,
}

impl SealingKey {
    /// Derives the key from the deployment's secret.
    pub fn new(secret: &Secret) -> Result<Self, KeyError> {
        Sealer::new(secret, "signing keys").map(Self).map_err(|_| KeyError::NotMade)
    }

    /// Generates and encrypts a new signing key.
    pub fn make(&self) -> Result<SealedKey, KeyError> {
        let pem = SigningKey::generate()?;
        let public = SigningKey::from_pem(&pem)?.public().clone();
        let sealed = self.0.seal(public.kid.as_bytes(), pem.expose_secret().as_bytes());
        Ok(SealedKey { public, sealed: sealed.map_err(|_| KeyError::NotMade)? })
    }

    /// Decrypts the key that was sealed under the id `kid`.
    pub fn open(&self, kid: &str, sealed: &[u8]) -> Result<SigningKey, KeyError> {
        let pem = self.0.open(kid.as_bytes(), sealed).map_err(|_| KeyError::Sealed)?;
        let pem = String::from_utf8(pem).map_err(|_| KeyError::Sealed)?;
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
