//! Access tokens: JWT (RFC 7519), signed with EdDSA, short-lived.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header};
use kernel::{AccountId, Clock, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Permissions, SigningKey};

/// The type of a person's token (RFC 8725, 3.11): whoever asks for an account's token does not take it for one.
pub(crate) const PERSON_TYPE: &str = "person+jwt";
/// No person's token lives longer.
const PERSON_LIFE: Duration = Duration::from_secs(600);

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is meant for.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The account they work in.
    pub account_id: AccountId,
    /// The session it belongs to.
    pub sid: SessionId,
    /// The session's epoch: a token of an earlier one is good for nothing.
    pub epo: i32,
    /// The names of their roles.
    pub roles: Vec<String>,
    /// What they may do.
    pub permissions: Vec<String>,
    /// The fields that they may not see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Whether it was given for an API key: a program, not somebody who has logged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key: bool,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Not valid from then on, in seconds since 1970.
    pub exp: i64,
    /// Tells tokens apart.
    pub jti: Uuid,
}

/// What the token of a person says who is a member of no account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PersonClaims {
    /// Who issued it.
    pub(crate) iss: String,
    /// An audience of its own: those who verify accounts' tokens by it refuse this one.
    pub(crate) aud: String,
    /// The person.
    pub(crate) sub: UserId,
    /// The session it belongs to.
    pub(crate) sid: SessionId,
    /// Issued at, in seconds since 1970.
    pub(crate) iat: i64,
    /// Not valid from then on, in seconds since 1970.
    pub(crate) exp: i64,
    /// Tells tokens apart.
    pub(crate) jti: Uuid,
}

/// Whom persons' tokens of `issuer` are meant for.
pub(crate) fn person_audience(issuer: &str) -> String {
    format!("{issuer}/person")
}

/// For whom a token is issued, and what they may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The account they work in.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// Their login.
    pub session: SessionId,
    /// The session's epoch, which moves on when its person's rights change.
    pub epoch: i32,
    /// The names of their roles.
    pub roles: Vec<String>,
    /// What those allow.
    pub permissions: Permissions,
}

/// A signed token, and how long it is good for. No `Debug`: it would end in a log.
pub struct AccessToken {
    /// The token.
    pub text: String,
    /// Its life.
    pub expires_in: Duration,
}

/// Issues access tokens. Clones share the key, which may be replaced while requests run.
#[derive(Debug, Clone)]
pub struct Issuer {
    key: Arc<ArcSwap<SigningKey>>,
    name: String,
    life: Duration,
    clock: Clock,
}

impl Issuer {
    /// One that signs with `key` in the name of `name`; its tokens are good for `life`.
    #[must_use]
    pub fn new(key: SigningKey, name: String, life: Duration, clock: Clock) -> Self {
        Self { key: Arc::new(ArcSwap::from_pointee(key)), name, life, clock }
    }

    /// The key it signs with.
    #[must_use]
    pub fn key(&self) -> Arc<SigningKey> {
        self.key.load_full()
    }

    /// Signs with `key` from now on.
    pub fn sign_with(&self, key: SigningKey) {
        self.key.store(Arc::new(key));
    }

    /// A token for `grant`.
    pub fn issue(&self, grant: Grant) -> Result<AccessToken, jsonwebtoken::errors::Error> {
        self.sign(grant, false)
    }

    /// A token for `grant`, whose session is an API key.
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
        Ok(AccessToken { text: self.seal(&claims, None)?, expires_in: self.life })
    }

    /// A token for a person who is a member of no account, in the session that they have opened so.
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
        Ok(AccessToken { text: self.seal(&claims, Some(PERSON_TYPE))?, expires_in: life })
    }

    fn seal(
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
