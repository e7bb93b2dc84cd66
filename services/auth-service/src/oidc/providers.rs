//! Cache of provider metadata (OpenID Connect Discovery).

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use openidconnect::{DiscoveryError, IssuerUrl, core::CoreProviderMetadata};

use super::outbound::{Outbound, OutboundError};

/// Time to live: endpoint changes and withdrawn keys take effect after it.
const FRESH: Duration = Duration::from_secs(300);
/// Maximum number of cached providers; each takes at most twice the maximum response size.
const MAX_PROVIDERS: u64 = 100;

/// Metadata of a provider: endpoints and keys.
pub(crate) type Provider = Arc<CoreProviderMetadata>;

/// Providers of recent logins.
pub(crate) struct Providers(Cache<String, Provider>);

impl Default for Providers {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_PROVIDERS).time_to_live(FRESH).build())
    }
}

impl Providers {
    /// Provider metadata, from the cache if fresh.
    pub(crate) async fn get(
        &self,
        outbound: &Outbound,
        issuer: IssuerUrl,
    ) -> Result<Provider, DiscoveryError<OutboundError>> {
        match self.0.get(issuer.as_str()) {
            Some(known) => Ok(known),
            None => self.fetch(outbound, issuer).await,
        }
    }

    /// Fetches the provider metadata and updates the cache.
    pub(crate) async fn fetch(
        &self,
        outbound: &Outbound,
        issuer: IssuerUrl,
    ) -> Result<Provider, DiscoveryError<OutboundError>> {
        let name = issuer.as_str().to_owned();
        let found = Arc::new(CoreProviderMetadata::discover_async(issuer, outbound).await?);
        self.0.insert(name, Arc::clone(&found));
        Ok(found)
    }
}
