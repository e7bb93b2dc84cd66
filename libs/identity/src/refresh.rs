//! Refresh tokens: opaque to clients, bound to one session, rotated at every use.
//!
//! A token contains account, session and generation, and an HMAC over them and the session's seed. The database
//! stores the seed and the server the key; neither alone can issue a token. A token of an earlier generation is
//! still authentic, so that reuse can be distinguished from a guess.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::{AccountId, SessionId};
use uuid::Uuid;

use crate::{Secret, secret::random};

/// Prefix that identifies a refresh token, for example when one is found where it should not be.
const PREFIX: &str = "nxr_";

/// A refresh token as sent by a client; untrusted until [`RefreshKey::made`] returns true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Account that the session claims to belong to.
    pub account: AccountId,
    /// Session that the token belongs to.
    pub session: SessionId,
    /// Number of refreshes of the session before this token was issued.
    pub generation: i32,
    tag: [u8; 32],
}

/// Key that issues and authenticates refresh tokens.
#[derive(Debug, Clone)]
pub struct RefreshKey(hmac::Key);

impl RefreshKey {
    /// Derives the key from the deployment's secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key_for("refresh tokens"))
    }

    /// Generates the random seed of a new session.
    #[must_use]
    pub fn seed() -> [u8; 32] {
        random()
    }

    /// Issues the token of a session's generation.
    #[must_use]
    pub fn issue(&self, account: AccountId, session: SessionId, generation: i32, seed: &[u8]) -> String {
        let named = name(account, session, generation);
        let bytes = [named.as_slice(), &self.tag(&named, seed)].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether `token` was issued for the session with this seed.
    #[must_use]
    pub fn made(&self, token: &RefreshToken, seed: &[u8]) -> bool {
        let tag = self.tag(&name(token.account, token.session, token.generation), seed);
        constant_time::verify_slices_are_equal(&tag, &token.tag).is_ok()
    }

    fn tag(&self, named: &[u8], seed: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(named);
        context.update(seed);
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

fn name(account: AccountId, session: SessionId, generation: i32) -> [u8; 36] {
    let mut bytes = [0; 36];
    let (ids, count) = bytes.split_at_mut(32);
    let (first, second) = ids.split_at_mut(16);
    first.copy_from_slice(Uuid::from(account).as_bytes());
    second.copy_from_slice(Uuid::from(session).as_bytes());
    count.copy_from_slice(&generation.to_be_bytes());
    bytes
}

impl RefreshToken {
    /// Parses a token; `None` if the text is malformed.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix(PREFIX).filter(|text| text.len() < 128)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (account, rest) = bytes.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (generation, tag) = rest.split_first_chunk::<4>()?;
        Some(Self {
            account: Uuid::from_bytes(*account).into(),
            session: Uuid::from_bytes(*session).into(),
            generation: i32::from_be_bytes(*generation),
            tag: tag.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_by_key_and_seed_together() {
        let (key, seed) = (RefreshKey::new(&Secret::generate()), RefreshKey::seed());
        let text = key.issue(AccountId::new(), SessionId::new(), 3, &seed);
        let token = RefreshToken::read(&text).unwrap();
        assert_eq!(token.generation, 3);
        assert!(key.made(&token, &seed));
        assert!(!key.made(&token, &RefreshKey::seed()));
        assert!(!RefreshKey::new(&Secret::generate()).made(&token, &seed));
        assert!(!key.made(&RefreshToken { generation: 4, ..token }, &seed));
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        for text in ["", "nxr_", "nxr_AAAA", "nxr_!", &format!("nxr_{}", "A".repeat(4000))] {
            assert_eq!(RefreshToken::read(text), None, "{text}");
        }
    }
}
