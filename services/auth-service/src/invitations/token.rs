use aws_lc_rs::rand;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::AccountId;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;
use web::{Error, Result};

use crate::email_token;

/// Token of an invitation: account, invitation id and 256 random bits. It names its account, so that the lookup is
/// confined to one tenant.
pub(super) struct Token {
    pub(super) account: AccountId,
    pub(super) id: Uuid,
    pub(super) hash: Vec<u8>,
}

const PREFIX: &str = "nxi_";

impl Token {
    /// Generates a token and its text.
    pub(super) fn generate(account: AccountId, id: Uuid) -> Result<(Self, String)> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).map_err(|_| Error::Internal("the system has no randomness".into()))?;
        let bytes = [Uuid::from(account).as_bytes(), id.as_bytes(), &secret[..]].concat();
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let hash = email_token::hash_of(&SecretString::from(text.as_str()));
        Ok((Self { account, id, hash }, text))
    }

    /// Parses a presented token; only the database knows whether it is valid.
    pub(super) fn read(shown: &SecretString) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(shown.expose_secret().strip_prefix(PREFIX)?).ok()?;
        let (account, rest) = bytes.split_first_chunk::<16>()?;
        let (id, secret) = rest.split_first_chunk::<16>()?;
        let whole = secret.len() == 32;
        let (account, id) = (Uuid::from_bytes(*account).into(), Uuid::from_bytes(*id));
        whole.then(|| Self { account, id, hash: email_token::hash_of(shown) })
    }
}
