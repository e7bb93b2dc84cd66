//! The deployment's secret, and keys derived from it.

use aws_lc_rs::{hkdf, hmac, rand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

/// Secret of the deployment: at least 32 characters, from which a key per purpose is derived (HKDF, RFC 5869).
#[derive(Clone)]
pub struct Secret(SecretString);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Wraps a text; `None` if it is too short.
    #[must_use]
    pub fn new(text: SecretString) -> Option<Self> {
        (text.expose_secret().len() >= 32).then_some(Self(text))
    }

    /// Generates a new secret of 256 bits.
    #[must_use]
    pub fn generate() -> Self {
        Self(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(random::<32>())))
    }

    /// The secret as text, for a file that is readable by its owner only.
    #[must_use]
    pub fn text(&self) -> &SecretString {
        &self.0
    }

    /// Derives the HMAC-SHA-256 key of a purpose. Keys of different purposes are independent.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes_for(purpose))
    }

    /// Derives 256 bits for a purpose.
    pub(crate) fn bytes_for(&self, purpose: &str) -> [u8; 32] {
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"nexo").extract(self.0.expose_secret().as_bytes());
        let info = [purpose.as_bytes()];
        let mut key = [0; 32];
        // 32 bytes are a single block of HKDF, so expansion cannot fail.
        if let Ok(derived) = master.expand(&info, hkdf::HKDF_SHA256) {
            let filled = derived.fill(&mut key);
            debug_assert!(filled.is_ok());
        }
        key
    }
}

/// Random bytes from the operating system's generator.
#[must_use]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // aws-lc aborts the process if the system has no randomness; it never returns weak bytes.
    let filled = rand::fill(&mut bytes);
    debug_assert!(filled.is_ok());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_own_key() {
        let secret = Secret::generate();
        let tag = |purpose| hmac::sign(&secret.key_for(purpose), b"text").as_ref().to_vec();
        assert_eq!(tag("cursor"), tag("cursor"));
        assert_ne!(tag("cursor"), tag("refresh"));
    }

    #[test]
    fn a_short_secret_is_none() {
        assert!(Secret::new("short".into()).is_none());
    }
}
