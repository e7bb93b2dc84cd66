//! Claims of a provider about a user, and their verification.

use std::error::Error as StdError;

use openidconnect::{
    AccessToken, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, Nonce,
    OAuth2TokenResponse as _, PkceCodeVerifier, RedirectUrl, RequestTokenError, SignatureVerificationError,
    SubjectIdentifier, UserInfoError,
    core::{CoreIdToken, CoreIdTokenClaims, CoreUserInfoClaims},
};
use serde::{Deserialize, Serialize};
use web::{Error, Result};

use super::{
    Parts,
    client::{Client, client, signatures, unavailable},
    connection::Connection,
    providers::Provider,
};
use crate::AuthRefusal;

/// A user as authenticated by the provider.
pub(crate) struct Person {
    /// Subject identifier: never changes and is never reassigned.
    pub(crate) subject: String,
    /// E-mail address, verified by the provider.
    pub(crate) email: String,
}

/// Proof that a code was issued for this login (nonce and PKCE verifier).
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingProof {
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
}

/// An authorization code exchange: the code, the connection and our client credentials.
pub(crate) struct Exchange<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) connection: &'a Connection,
    pub(crate) us: (ClientId, ClientSecret),
    pub(crate) redirect: RedirectUrl,
}

/// An e-mail, and whether the provider has verified it.
type Email = (String, bool);

impl Exchange<'_> {
    /// Exchanges the code and returns the authenticated user.
    pub(crate) async fn person(self, code: String, proof: PendingProof) -> Result<Person> {
        let provider = self.parts.providers.get(&self.parts.outbound, self.connection.issuer()?);
        let provider = provider.await.map_err(unavailable)?;
        let client = self.client(&provider);
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(unavailable)?;
        let answer = request.set_pkce_verifier(proof.verifier).request_async(&self.parts.outbound).await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => refused(said.error().to_string()),
            other => unavailable(other),
        })?;
        let token = answer.extra_fields().id_token().ok_or_else(|| refused("no ID token"))?;
        let claims = self.claims(&provider, token, &proof.nonce).await?;
        let email = match email_of_token(&claims) {
            Some(email) => email,
            None => self.asked(&client, answer.access_token(), claims.subject()).await?,
        };
        match email {
            (email, true) => Ok(Person { subject: claims.subject().to_string(), email }),
            (_, false) => Err(refused("the e-mail is not verified")),
        }
    }

    fn client(&self, provider: &Provider) -> Client {
        client(provider, self.us.clone(), self.redirect.clone())
    }

    /// Claims of the ID token, after verification of signature, issuer, audience, nonce and expiry.
    async fn claims(
        &self,
        provider: &Provider,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims> {
        match self.verified(provider, token, nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                // The key is newer than the cached provider metadata: fetch it again.
                let fresh = self.parts.providers.fetch(&self.parts.outbound, self.connection.issuer()?);
                let fresh = fresh.await.map_err(unavailable)?;
                self.verified(&fresh, token, nonce)
            }
            verified => verified,
        }
        .map_err(|error| refused(error.to_string()))
    }

    fn verified(
        &self,
        provider: &Provider,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let client = self.client(provider);
        let verifier = client.id_token_verifier().set_allowed_algs(signatures(provider));
        token.claims(&verifier, nonce).cloned()
    }

    /// Requests the e-mail from the user info endpoint, since many providers omit it from the ID token.
    async fn asked(
        &self,
        client: &Client,
        token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<Email> {
        let request = client
            .user_info(token.clone(), Some(subject.clone()))
            .map_err(|_| refused("neither an e-mail nor a user info endpoint"))?;
        let answer = request.request_async(&self.parts.outbound).await;
        let claims: CoreUserInfoClaims = answer.map_err(|error| match error {
            UserInfoError::ClaimsVerification(of_somebody_else) => refused(of_somebody_else.to_string()),
            other => unavailable(other),
        })?;
        let email = claims.email().map(|email| email.to_string());
        email
            .map(|email| (email, claims.email_verified().unwrap_or(false)))
            .ok_or_else(|| refused("no e-mail"))
    }
}

fn email_of_token(claims: &CoreIdTokenClaims) -> Option<Email> {
    Some((claims.email()?.to_string(), claims.email_verified().unwrap_or(false)))
}

/// Logs the reason; the client only learns that the login failed.
pub(crate) fn refused(because: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let because = because.into();
    tracing::info!(error = &*because as &dyn StdError, "a login at an identity provider is refused");
    AuthRefusal::OidcLoginFailed.into()
}
