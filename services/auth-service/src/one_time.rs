//! Tokens that are mailed to somebody: 256 random bits, of which only the hash is kept.

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use web::Error;

/// No token of ours is longer.
const LONGEST: usize = 200;

/// A token that is good once.
pub(crate) struct OneTime {
    /// What goes into the letter.
    pub(crate) text: String,
    /// What is kept: SHA-256 of the text.
    pub(crate) hash: Vec<u8>,
}

impl OneTime {
    /// A new one.
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { hash: hash(&text), text })
    }
}

/// What a token that is shown was kept as.
pub(crate) fn hash_of(shown: &SecretString) -> Vec<u8> {
    let shown = shown.expose_secret();
    hash(shown.get(..LONGEST).unwrap_or(shown))
}

fn hash(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}
