//! Tokens sent by e-mail: 256 random bits, of which only the hash is stored. A request for such an e-mail, and its
//! response.

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::LoginEmail;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{Accepted, Error};

/// Maximum length of a token that is hashed; generated tokens are shorter.
const MAX_TOKEN_BYTES: usize = 200;

/// A single-use token sent by e-mail.
pub(crate) struct EmailToken {
    /// Text of the token, for the e-mail.
    pub(crate) text: String,
    /// Stored form: SHA-256 of the text.
    pub(crate) hash: Vec<u8>,
}

impl EmailToken {
    /// Generates a random token.
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { hash: hash(&text), text })
    }
}

/// The stored hash of a presented token.
pub(crate) fn hash_of(shown: &SecretString) -> Vec<u8> {
    let shown = shown.expose_secret();
    hash(shown.get(..MAX_TOKEN_BYTES).unwrap_or(shown))
}

fn hash(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// Request for another confirmation e-mail.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendConfirmationRequest {
    /// Address of the registration.
    pub(crate) email: LoginEmail,
}

/// An e-mail was sent if the address qualifies. The response does not reveal whether it did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailSent {
    /// Address that the request named.
    sent_to: String,
}

impl EmailSent {
    pub(crate) fn to(address: &str) -> Accepted<Self> {
        Accepted(Self { sent_to: address.to_owned() })
    }
}
