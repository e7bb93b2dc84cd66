//! Access tokens: JWT (RFC 7519), signed with EdDSA, short-lived.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header};
use kernel::{AccountId, Clock, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Permissions, SigningKey};

/// Token type of a person without an account (RFC 8725, 3.11): verifiers of account tokens do not accept it.
pub(crate) const PERSON_TYPE: &str = "person+jwt";
/// Maximum life of such a token.
const PERSON_LIFE: Duration = Duration::from_secs(600);

/// Claims of an access token (RFC 7519).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer of the token (`iss`).
    pub iss: String,
    /// Audience of the token (`aud`).
    pub aud: String,
    /// Subject: id of the user (`sub`).
    pub sub: UserId,
    /// Account that the token is valid for.
    pub account_id: AccountId,
    /// Session that the token belongs to.
    pub sid: SessionId,
    /// Epoch of the session: tokens of earlier epochs are invalid.
    pub epo: i32,
    /// Names of the user's roles.
    pub roles: Vec<String>,
    /// Permissions that the roles grant.
    pub permissions: Vec<String>,
    /// Fields that are hidden from the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Whether the token was issued for an API key, not for a person who logged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key: bool,
    /// Time of issue, as a Unix timestamp in seconds.
    pub iat: i64,
    /// Expiry, as a Unix timestamp in seconds.
    pub exp: i64,
    /// Unique id of the token (`jti`).
    pub jti: Uuid,
}

/// Claims of the token of a person without an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PersonClaims {
    /// Issuer of the token (`iss`).
    pub(crate) iss: String,
    /// Audience of its own, so that verifiers of account tokens reject this one.
    pub(crate) aud: String,
    /// Subject: id of the user (`sub`).
    pub(crate) sub: UserId,
    /// Session that the token belongs to.
    pub(crate) sid: SessionId,
    /// Time of issue, as a Unix timestamp in seconds.
    pub(crate) iat: i64,
    /// Expiry, as a Unix timestamp in seconds.
    pub(crate) exp: i64,
    /// Unique id of the token (`jti`).
    pub(crate) jti: Uuid,
}

/// Audience of tokens of persons without an account.
pub(crate) fn person_audience(issuer: &str) -> String {
    format!("{issuer}/person")
}

/// Subject and permissions of a token to issue.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Account that the token is valid for.
    pub account: AccountId,
    /// Id of the user.
    pub user: UserId,
    /// Session (login) of the user.
    pub session: SessionId,
    /// Epoch of the session, which is incremented when the user's rights change.
    pub epoch: i32,
    /// Names of the user's roles.
    pub roles: Vec<String>,
    /// Permissions that the roles grant.
    pub permissions: Permissions,
}

/// A signed token and its lifetime. No `Debug`, so that it cannot end up in a log.
pub struct AccessToken {
    /// The encoded token (JWT).
    pub text: String,
    /// Lifetime of the token.
    pub expires_in: Duration,
}

/// Issues access tokens. Clones share the key, which may be replaced at any time.
#[derive(Debug, Clone)]
pub struct Issuer {
    key: Arc<ArcSwap<SigningKey>>,
    name: String,
    life: Duration,
    clock: Clock,
}

impl Issuer {
    /// Creates an issuer called `name` that signs with `key`; its tokens are valid for `life`.
    #[must_use]
    pub fn new(key: SigningKey, name: String, life: Duration, clock: Clock) -> Self {
        Self { key: Arc::new(ArcSwap::from_pointee(key)), name, life, clock }
    }

    /// Current signing key.
    #[must_use]
    pub fn key(&self) -> Arc<SigningKey> {
        self.key.load_full()
    }

    /// Replaces the signing key.
    pub fn sign_with(&self, key: SigningKey) {
        self.key.store(Arc::new(key));
    }

    /// Issues a token for `grant`.
    pub fn issue(&self, grant: Grant) -> Result<AccessToken, jsonwebtoken::errors::Error> {
        self.sign(grant, false)
    }

    /// Issues a token for `grant`, whose session is an API key.
    pub fn issue_for_key(&self, grant: Grant) -> Result<AccessToken, jsonwebtoken::errors::Error> {
        self.sign(grant, true)
    }

    fn sign(&self, grant: Grant, key: bool) -> Result<AccessToken, jsonwebtoken::errors::Error> {
        let iat = self.clock.unix_seconds();
        let claims = Claims {
            iss: self.name.clone(),
            aud: self.name.clone(),
            sub: grant.user,
            account_id: grant.account,
            sid: grant.session,
            epo: grant.epoch,
            roles: grant.roles,
            permissions: grant.permissions.to_texts(),
            hidden: grant.permissions.hidden().to_vec(),
            key,
            iat,
            exp: iat.saturating_add_unsigned(self.life.as_secs()),
            jti: Uuid::new_v4(),
        };
        Ok(AccessToken { text: self.sign_claims(&claims, None)?, expires_in: self.life })
    }

    /// Issues a token for a person without an account, in their person session.
    pub fn issue_for_person(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<AccessToken, jsonwebtoken::errors::Error> {
        let (iat, life) = (self.clock.unix_seconds(), self.life.min(PERSON_LIFE));
        let claims = PersonClaims {
            iss: self.name.clone(),
            aud: person_audience(&self.name),
            sub: user,
            sid: session,
            iat,
            exp: iat.saturating_add_unsigned(life.as_secs()),
            jti: Uuid::new_v4(),
        };
        Ok(AccessToken { text: self.sign_claims(&claims, Some(PERSON_TYPE))?, expires_in: life })
    }

    fn sign_claims(
        &self,
        claims: &impl Serialize,
        kind: Option<&str>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let signer = self.key.load();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(signer.public().kid.clone());
        if let Some(kind) = kind {
            header.typ = Some(kind.to_owned());
        }
        jsonwebtoken::encode(&header, claims, &signer.encoding)
    }
}
