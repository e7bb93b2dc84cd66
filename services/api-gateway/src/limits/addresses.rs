//! Rate limits of client addresses, before authentication. Redis stores a keyed hash of each address, and the
//! process keeps addresses for minutes only.

use std::{net::IpAddr, sync::Arc};

use aws_lc_rs::hmac;
use rate_limit::{Bucket, Buckets, ConcurrencyLimit, ConcurrencyPermit, Rate};

use super::{MAX_BUCKETS, Settings};

/// Buckets of client addresses.
pub(super) struct Addresses {
    pub(super) rate: Rate,
    hasher: hmac::Key,
    known: Buckets<u128, Bucket>,
    places: Buckets<u128, ConcurrencyLimit>,
}

/// Number of free accounts that may use their full concurrency from one address: opening ten accounts gains no
/// more than two.
const ACCOUNTS: u32 = 2;

impl Addresses {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rate: settings.logins,
            hasher: settings.secret.key_for("addresses in limits"),
            known: Buckets::at_most(2 * MAX_BUCKETS),
            places: Buckets::at_most(2 * MAX_BUCKETS),
        }
    }

    pub(super) fn bucket(&self, client: Option<IpAddr>) -> Arc<Bucket> {
        let network = network(client);
        self.known.get_or_insert(network, || {
            let hash = hmac::sign(&self.hasher, &network.to_be_bytes());
            let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            Bucket::new(format!("address:{name}:login"))
        })
    }

    /// Acquires a permit for a concurrent request of free accounts from this address; `at_once` is the limit of
    /// one account.
    pub(super) fn enter(&self, client: IpAddr, at_once: u32) -> Option<ConcurrencyPermit> {
        let places = self.places.get_or_insert(network(Some(client)), ConcurrencyLimit::default);
        places.enter(at_once.saturating_mul(ACCOUNTS))
    }

    pub(super) fn known(&self, client: Option<IpAddr>) -> Option<Arc<Bucket>> {
        self.known.known(&network(client))
    }
}

/// Network that an address stands for: an IPv6 client typically controls 2⁶⁴ addresses.
fn network(client: Option<IpAddr>) -> u128 {
    match client.map(|client| client.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        Some(IpAddr::V6(address)) => address.to_bits() >> 64 << 64,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_and_every_address_of_ipv4() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:0:1::7"), of("2001:db8:0:1:ffff::1"));
        assert_ne!(of("2001:db8:0:1::7"), of("2001:db8:0:2::7"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
