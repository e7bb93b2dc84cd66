//! Client address of a request, behind trusted proxies.

mod forwarded;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, header::FORWARDED, request::Parts},
};
use ipnet::IpNet;
use kernel::Env;

/// Header in which a proxy passes the client address. The gateway overwrites it.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Maximum number of proxy hops that are evaluated.
const MAX_PROXIES: usize = 10;

/// Trusted proxies, whose forwarding headers are believed. Empty by default.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Reads `NEXO_TRUSTED_PROXIES`: a comma-separated list of addresses and networks.
    pub fn read(env: &mut Env) -> Self {
        const NAME: &str = "NEXO_TRUSTED_PROXIES";
        let wanted = env.string_or(NAME, "");
        let named = wanted.split(',').map(str::trim).filter(|name| !name.is_empty());
        let network = |name: &str| name.parse().ok().or_else(|| name.parse::<IpAddr>().ok().map(IpNet::from));
        let networks: Vec<Option<IpNet>> = named.map(network).collect();
        if networks.contains(&None) {
            env.report(NAME, "holds something that is no address and no network, such as 10.0.0.0/8");
        }
        Self(networks.into_iter().flatten().collect())
    }

    /// Whether no proxy is trusted. All clients behind a proxy then share the proxy's address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the peer of the connection is a trusted proxy.
    pub(crate) fn sent(&self, request: &Request) -> bool {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|peer| self.trust(peer.0.ip().to_canonical()))
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Determines the client address, with `peer` as the other end of the connection: the first address, from the
    /// nearest proxy outwards, that is no trusted proxy. Anything beyond it can be forged.
    ///
    /// A proxy that writes one header may pass on the client's value of the other. If the two disagree, neither is
    /// trusted and the peer counts as the client.
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
        for _ in 0..MAX_PROXIES {
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

/// Address of the client; `None` if the request did not come over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// Determines the address once and stores it in the request's extensions.
    pub(crate) fn mark(request: &mut Request, proxies: &Proxies) {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let client = peer.map(|peer| proxies.client(peer, request.headers()));
        request.extensions_mut().insert(Self(client));
    }

    /// Address of the client of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        request.extensions().get().copied().unwrap_or(Self(None))
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

    fn client_of(trusted: &str, peer: &str, told: &[(HeaderName, &str)]) -> String {
        let mut env = Env::from_values([("NEXO_TRUSTED_PROXIES".to_owned(), trusted.to_owned())]);
        let proxies = Proxies::read(&mut env);
        env.finish().unwrap();
        let mut headers = HeaderMap::new();
        for (name, told) in told {
            headers.append(name.clone(), told.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn no_proxy_is_trusted_by_default() {
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
        let told = |told| client_of("10.0.0.0/8", "10.0.0.2", &[(FORWARDED, told)]);
        assert_eq!(told("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(
            told("for=203.0.113.9, For=\"198.51.100.7:4711\";proto=https;by=10.0.0.3, for=10.0.0.3"),
            "198.51.100.7"
        );
        assert_eq!(told("proto=https;for=\"[2001:db8::7]:4711\""), "2001:db8::7");
        for hidden in ["for=unknown", "for=_secret", "by=10.0.0.3", "nonsense", "for=\"198.51.100.7"] {
            assert_eq!(told(hidden), "10.0.0.2", "{hidden}");
        }
        assert_eq!(client_of("", "10.0.0.2", &[(FORWARDED, "for=198.51.100.7")]), "10.0.0.2");
    }

    #[test]
    fn of_two_headers_that_disagree_neither_is_believed() {
        let told = |standard| {
            client_of("10.0.0.0/8", "10.0.0.2", &[(FORWARDED, standard), (FORWARDED_FOR, "198.51.100.7")])
        };
        assert_eq!(told("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(told("for=203.0.113.9"), "10.0.0.2");
    }
}
