//! Allowed addresses of issuers. An administrator enters the URL, but the request originates inside our network (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use openidconnect::url::{Host, Url};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// DNS resolver that returns public addresses only. The connection uses the address that was checked, so DNS rebinding
/// gains nothing.
#[derive(Debug)]
pub(super) struct PublicNames;

/// The name has no public address, such as one of our own network.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NotPublic;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// True if a URL refers to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// True if an address is globally reachable.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = matches!(
        address.octets(),
        [0 | 240..=255, ..]           // this network; reserved, broadcast
            | [100, 64..=127, ..]     // carriers' own (RFC 6598)
            | [192, 0, 0, _]          // protocol assignments
            | [192, 88, 99, _]        // 6to4 relays
            | [198, 18..=19, ..] // benchmarks
    );
    let inside = address.is_private() || address.is_loopback() || address.is_link_local();
    !(special || inside || address.is_multicast() || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let special = matches!(
        address.segments(),
        [0x2001, 0..=0x1ff | 0xdb8, ..] // protocol assignments, Teredo among them; documentation
            | [0x2002, ..] // 6to4: an IPv4 address inside
    );
    let [first, ..] = address.segments();
    !special && first & 0xe000 == 0x2000 // global unicast is 2000::/3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_our_own_network_are_not_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860::8888", "::ffff:1.1.1.1"]
        {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
