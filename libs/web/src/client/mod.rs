//! Where a request comes from.

mod forwarded;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, header::FORWARDED, request::Parts},
};
use ipnet::IpNet;
use kernel::Env;

/// The header by which a proxy tells whom it asks for. The gateway sets it anew.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// Nobody is behind more proxies than these.
const MOST_PROXIES: usize = 10;

/// Whose word about addresses is believed: nobody's, unless they are named.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Reads `NEXO_TRUSTED_PROXIES`: addresses and networks, with commas between them.
    pub fn read(env: &mut Env) -> Self {
        const NAME: &str = "NEXO_TRUSTED_PROXIES";
        let wanted = env.or(NAME, "");
        let named = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
        let network = |name: &str| name.parse().ok().or_else(|| name.parse::<IpAddr>().ok().map(IpNet::from));
        let networks: Vec<Option<IpNet>> = named.map(network).collect();
        if networks.contains(&None) {
            env.mistake(NAME, "holds something that is no address and no network, such as 10.0.0.0/8");
        }
        Self(networks.into_iter().flatten().collect())
    }

    /// Whether nobody is named: everybody behind a proxy then has the proxy's address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is at the other end.
    pub(crate) fn sent(&self, request: &Request) -> bool {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|peer| self.trust(peer.0.ip().to_canonical()))
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who asks, when `peer` is at the other end of the connection: from the nearest proxy outwards, the first address that
    /// is no proxy of ours. Whatever stands beyond it, anybody can have written.
    ///
    /// A proxy that writes one header may pass on what a client wrote in the other: where the two disagree, neither is
    /// believed, and who asks is the proxy.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return peer;
        }
        let named = headers.contains_key(FORWARDED_FOR).then(|| self.beyond(peer, forwarded::plain(headers)));
        let told = headers.contains_key(FORWARDED).then(|| self.beyond(peer, forwarded::standard(headers)));
        match (named, told) {
            (Some(named), Some(told)) if named != told => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    fn beyond(&self, peer: IpAddr, mut hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut client = peer;
        for _ in 0..MOST_PROXIES {
            if !self.trust(client) {
                break;
            }
            match hops.next() {
                Some(Some(next)) => client = next.to_canonical(),
                _ => break,
            }
        }
        client
    }
}

/// The address of whoever sent the request; unknown where no connection brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// Finds it out, once, before the request goes on.
    pub(crate) fn mark(request: &mut Request, proxies: &Proxies) {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let client = peer.map(|peer| proxies.client(peer, request.headers()));
        request.extensions_mut().insert(Self(client));
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, told: &[&str]) -> String {
        let told: Vec<_> = told.iter().map(|told| (FORWARDED_FOR, *told)).collect();
        client_of(trusted, peer, &told)
    }

    fn client_of(trusted: &str, peer: &str, told: &[(&'static str, &str)]) -> String {
        let mut env = Env::of([("NEXO_TRUSTED_PROXIES".to_owned(), trusted.to_owned())]);
        let proxies = Proxies::read(&mut env);
        env.finish().unwrap();
        let mut headers = HeaderMap::new();
        for (name, told) in told {
            headers.append(*name, told.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_first_address_that_no_proxy_of_ours_has_is_the_client() {
        let trusted = "10.0.0.0/8, ::1";
        assert_eq!(client(trusted, "10.0.0.2", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["203.0.113.9, 198.51.100.7, 10.0.0.3"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(trusted, "::ffff:10.0.0.2", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(trusted, "10.0.0.2", &["nonsense"]), "10.0.0.2");
        assert_eq!(client(trusted, "10.0.0.2", &[]), "10.0.0.2");
        assert_eq!(client(trusted, "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_standard_header_is_read_as_well() {
        let told = |told| client_of("10.0.0.0/8", "10.0.0.2", &[("forwarded", told)]);
        assert_eq!(told("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(
            told("for=203.0.113.9, For=\"198.51.100.7:4711\";proto=https;by=10.0.0.3, for=10.0.0.3"),
            "198.51.100.7"
        );
        assert_eq!(told("proto=https;for=\"[2001:db8::7]:4711\""), "2001:db8::7");
        for hidden in ["for=unknown", "for=_secret", "by=10.0.0.3", "nonsense", "for=\"198.51.100.7"] {
            assert_eq!(told(hidden), "10.0.0.2", "{hidden}");
        }
        assert_eq!(client_of("", "10.0.0.2", &[("forwarded", "for=198.51.100.7")]), "10.0.0.2");
    }

    #[test]
    fn of_two_headers_that_disagree_neither_is_believed() {
        let told = |standard| {
            client_of("10.0.0.0/8", "10.0.0.2", &[("forwarded", standard), (FORWARDED_FOR, "198.51.100.7")])
        };
        assert_eq!(told("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(told("for=203.0.113.9"), "10.0.0.2");
    }
}
