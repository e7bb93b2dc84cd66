//! Logins at an account's own identity provider: OpenID Connect, authorization code with PKCE.
//!
//! An administrator maintains [connections](crate::oidc_connections); each binds an e-mail domain to an issuer. A
//! [login](crate::oidc_login) starts there and finishes here with an ordinary session. The provider authenticates the
//! user; the membership in the account authorizes them.

mod address;
pub(crate) mod client;
mod config;
pub(crate) mod connection;
mod outbound;
pub(crate) mod person;
mod providers;

use std::sync::Arc;

use identity::{SealError, Sealer, Secret};
use openidconnect::RedirectUrl;

use crate::AuthRefusal;

pub(crate) use config::Config;
use outbound::Outbound;
use providers::Providers;

/// State for logins at identity providers; empty if they cannot work.
#[derive(Clone)]
pub struct Oidc(Option<Arc<Parts>>);

pub(crate) struct Parts {
    pub(crate) redirect: Option<RedirectUrl>,
    pub(crate) outbound: Outbound,
    pub(crate) providers: Providers,
    pub(crate) sealer: Sealer,
}

/// Reason why logins at identity providers cannot work at all.
#[derive(Debug, thiserror::Error)]
enum OidcError {
    /// The HTTPS client cannot be built, e.g. without root certificates.
    #[error("no HTTPS client can be made")]
    Client(#[from] reqwest::Error),
    /// The cipher rejected the key.
    #[error("no key can be made of NEXO_SECRET")]
    Key(#[from] SealError),
}

impl Oidc {
    /// Builds the state. On failure only these logins are disabled; passwords still work.
    pub(crate) fn new(config: &Config, secret: &Secret) -> Self {
        let parts = Parts::new(config, secret).inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "logins at identity providers are disabled"
            );
        });
        Self(parts.ok().map(Arc::new))
    }

    /// The parts of a login, if logins work.
    pub(crate) fn parts(&self) -> Result<&Parts, AuthRefusal> {
        self.0.as_deref().ok_or(AuthRefusal::OidcNotConfigured)
    }
}

impl Parts {
    fn new(config: &Config, secret: &Secret) -> Result<Self, OidcError> {
        Ok(Self {
            redirect: config.redirect.clone(),
            outbound: Outbound::new(config)?,
            providers: Providers::default(),
            sealer: Sealer::new(secret, "identity providers")?,
        })
    }
}
