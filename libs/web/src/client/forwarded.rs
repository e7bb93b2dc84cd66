//! Addresses in proxy headers, nearest hop first; `None` stands for an unreadable or obfuscated address.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};

use super::FORWARDED_FOR;

/// Parses `X-Forwarded-For`: a comma-separated list of addresses.
pub(super) fn plain(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    lines(headers, FORWARDED_FOR).flat_map(|line| line.rsplit(',')).map(|node| address(node.trim()))
}

/// Parses `Forwarded` (RFC 7239), such as `for="[2001:db8::7]:4711";proto=https, for=192.0.2.1`. Splitting at
/// commas and semicolons is safe: no address contains one, and a fragment of a quoted string is no address.
pub(super) fn standard(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    lines(headers, FORWARDED).flat_map(|line| line.rsplit(',')).map(|element| {
        let told = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, node) = told.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
        let quoted = node.strip_prefix('"').map(|node| node.strip_suffix('"'));
        address(quoted.unwrap_or(Some(node))?)
    })
}

fn lines(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().rev().map(|value| value.to_str().unwrap_or_default())
}

/// Parses an address with or without a port; IPv6 may be bracketed.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse().ok().map(|node: SocketAddr| node.ip()))
}
