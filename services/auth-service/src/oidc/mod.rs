//! Logins at an account's own identity provider: OpenID Connect, authorization code with PKCE.
//!
//! An administrator maintains [connections](connection); each binds an e-mail domain to an issuer. A login
//! [starts](start) there and [finishes](finish) here with an ordinary session. The provider authenticates the user; the
//! membership in the account authorizes them.

mod address;
mod client;
mod config;
pub(crate) mod connection;
pub(crate) mod create;
pub(crate) mod finish;
pub(crate) mod list;
mod outbound;
mod pending;
mod person;
mod providers;
mod public_mail;
pub(crate) mod remove;
pub(crate) mod start;

use std::sync::Arc;

use identity::{SealError, Sealer, Secret};
use openidconnect::RedirectUrl;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, AuthRefusal};

pub(crate) use config::Config;
use outbound::Outbound;
use providers::Providers;

/// State for logins at identity providers; empty if they cannot work.
#[derive(Clone)]
pub struct Oidc(Option<Arc<Parts>>);

pub(crate) struct Parts {
    redirect: Option<RedirectUrl>,
    outbound: Outbound,
    providers: Providers,
    sealer: Sealer,
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
                "nobody can log in at an identity provider"
            );
        });
        Self(parts.ok().map(Arc::new))
    }

    fn parts(&self) -> Result<&Parts, AuthRefusal> {
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

/// Routes of the OpenID Connect operations.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start::start_oidc_login))
        .routes(routes!(finish::finish_oidc_login))
        .routes(routes!(list::list_oidc_connections, create::create_oidc_connection))
        .routes(routes!(remove::delete_oidc_connection))
}
