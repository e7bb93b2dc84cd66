//! Encryption of third-party secrets that must be readable again, before they are stored.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::Secret;

/// Authenticated encryption of values that the database must not be able to read (AES-256-GCM).
///
/// Each value is bound to a place, such as the id of its row: moved to another row, it cannot be decrypted.
pub struct Sealer(RandomizedNonceKey);

/// Decryption failed: wrong key, wrong place, or modified; or the text exceeds the cipher's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened with the secret of this deployment")]
pub struct SealError;

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Derives a key for this purpose from the deployment's secret.
    pub fn new(secret: &Secret, purpose: &str) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret.bytes_for(purpose)).map_err(|_| SealError)?;
        Ok(Self(key))
    }

    /// Encrypts `text` for `place`.
    pub fn seal(&self, place: &[u8], text: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = text.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| SealError)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Decrypts a value that was sealed for `place`.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| SealError)?;
        Ok(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let secret = Secret::generate();
        let sealer = Sealer::new(&secret, "tests").unwrap();
        let sealed = sealer.seal(b"row 1", b"text").unwrap();
        assert_eq!(sealer.open(b"row 1", &sealed).as_deref(), Ok(b"text".as_slice()));
        assert_ne!(
            sealer.seal(b"row 1", b"text").unwrap(),
            sealed,
            "the same text looks different each time"
        );
        assert_eq!(sealer.open(b"row 2", &sealed), Err(SealError));
        assert_eq!(Sealer::new(&secret, "others").unwrap().open(b"row 1", &sealed), Err(SealError));
        let other = Sealer::new(&Secret::generate(), "tests").unwrap();
        assert_eq!(other.open(b"row 1", &sealed), Err(SealError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer.open(b"row 1", &changed), Err(SealError), "byte {at}");
        }
        assert_eq!(sealer.open(b"row 1", b"short"), Err(SealError));
    }
}
