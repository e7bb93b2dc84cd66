//! What issuers say of themselves, remembered for a while.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use openidconnect::{DiscoveryError, IssuerUrl, core::CoreProviderMetadata};

use super::outbound::{Outbound, OutboundError};

/// An issuer that changes its endpoints or withdraws a key is followed after this long.
const FRESH: Duration = Duration::from_secs(300);
/// Each takes at most twice what one answer may.
const MOST: u64 = 100;

/// A provider's endpoints and keys.
pub(super) type Provider = Arc<CoreProviderMetadata>;

/// The issuers that somebody has lately logged in at.
pub(super) struct Providers(Cache<String, Provider>);

impl Default for Providers {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(FRESH).build())
    }
}

impl Providers {
    /// The provider, as it was within the last minutes.
    pub(super) async fn get(
        &self,
        outbound: &Outbound,
        issuer: IssuerUrl,
    ) -> Result<Provider, DiscoveryError<OutboundError>> {
        match self.0.get(issuer.as_str()) {
            Some(known) => Ok(known),
            None => self.fetch(outbound, issuer).await,
        }
    }

    /// The provider, as it is now.
    pub(super) async fn fetch(
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
