//! Listen addresses of programs.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
};

/// An address to listen on: `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000`, or `:3000` for all IPv4 addresses of
/// the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

/// Reason why a text is not a listen address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddressError {
    /// The text has not the form of an address.
    #[error("is no address, such as 127.0.0.1:3000, localhost:3000 or :3000")]
    Malformed,
    /// The host name cannot be resolved.
    #[error(
        "its host has no address on this machine (127.0.0.1:3000, localhost:3000 and :3000 are addresses)"
    )]
    UnknownHost,
}

impl ListenAddress {
    /// The loopback address with this port.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// Address for clients on this machine: the address itself, or loopback if it listens on all interfaces.
    #[must_use]
    pub fn reached_at(self) -> SocketAddr {
        let Self(mut address) = self;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address
    }
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddressError::Malformed)?;
        let port: u16 = port.parse().map_err(|_| ListenAddressError::Malformed)?;
        if host.is_empty() {
            return Ok(Self(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)));
        }
        if host.contains(':') {
            return Err(ListenAddressError::Malformed); // IPv6 without brackets
        }
        let found: Vec<SocketAddr> =
            (host, port).to_socket_addrs().map_err(|_| ListenAddressError::UnknownHost)?.collect();
        // Prefers IPv4, like most clients do for `localhost`.
        let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
        first.copied().map(Self).ok_or(ListenAddressError::UnknownHost)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_port_alone_are_addresses() {
        let read = |text: &str| text.parse::<ListenAddress>().map(|address| address.to_string());
        assert_eq!(read("127.0.0.1:3000").as_deref(), Ok("127.0.0.1:3000"));
        assert_eq!(read("localhost:3133").as_deref(), Ok("127.0.0.1:3133"));
        assert_eq!(read(":3133").as_deref(), Ok("0.0.0.0:3133"));
        assert_eq!(read("[::1]:3000").as_deref(), Ok("[::1]:3000"));
        for none in ["x", "3000", "", "localhost", "localhost:", "localhost:x", ":99999", "::1:3000"] {
            assert_eq!(read(none), Err(ListenAddressError::Malformed), "{none}");
        }
        assert_eq!(read("no-such-host.invalid:1"), Err(ListenAddressError::UnknownHost));
    }

    #[test]
    fn a_wildcard_address_is_reached_at_loopback() {
        let reached = |text: &str| text.parse::<ListenAddress>().unwrap().reached_at().to_string();
        assert_eq!(reached(":3000"), "127.0.0.1:3000");
        assert_eq!(reached("[::]:3000"), "[::1]:3000");
        assert_eq!(reached("10.0.0.7:3000"), "10.0.0.7:3000");
    }
}
