//! Addresses, before anybody has come in. In Redis stands a keyed hash of each, and here nothing for longer than minutes.

use std::{net::IpAddr, sync::Arc};

use ::limits::{Bucket, Buckets, Place, Places, Rate};
use aws_lc_rs::hmac;

use super::{MOST, Settings};

/// The buckets of addresses.
pub(super) struct Addresses {
    pub(super) rate: Rate,
    hasher: hmac::Key,
    known: Buckets<u128, Bucket>,
    places: Buckets<u128, Places>,
}

/// So many accounts may run as much as they can from one address: whoever opens ten of them has no more than of two.
const ACCOUNTS: u32 = 2;

impl Addresses {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rate: settings.logins,
            hasher: settings.secret.key_for("addresses in limits"),
            known: Buckets::at_most(2 * MOST),
            places: Buckets::at_most(2 * MOST),
        }
    }

    pub(super) fn bucket(&self, client: Option<IpAddr>) -> Arc<Bucket> {
        let network = network(client);
        self.known.of(network, || {
            let hash = hmac::sign(&self.hasher, &network.to_be_bytes());
            let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            Bucket::new(format!("address:{name}:login"))
        })
    }

    /// A place among the requests of all accounts that ask from this address, where each may run so many.
    pub(super) fn enter(&self, client: IpAddr, at_once: u32) -> Option<Place> {
        let places = self.places.of(network(Some(client)), Places::default);
        places.enter(at_once.saturating_mul(ACCOUNTS))
    }

    pub(super) fn known(&self, client: Option<IpAddr>) -> Option<Arc<Bucket>> {
        self.known.known(&network(client))
    }
}

/// Whom an address stands for: of IPv6, whoever has one has 2⁶⁴ of them.
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
