//! The addresses that proxies have written, the nearest first; `None` is one that cannot be read or was hidden.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};

use super::FORWARDED_FOR;

/// Of `X-Forwarded-For`: addresses with commas between them.
pub(super) fn plain(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    lines(headers, HeaderName::from_static(FORWARDED_FOR))
        .flat_map(|line| line.rsplit(','))
        .map(|node| address(node.trim()))
}

/// Of `Forwarded` (RFC 7239), such as `for="[2001:db8::7]:4711";proto=https, for=192.0.2.1`. No address holds a comma or a
/// semicolon: where a quoted text does, what is left of it is no address.
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

/// With a port or without; IPv6 in brackets or bare.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    bare.parse().ok().or_else(|| node.parse().ok().map(|node: SocketAddr| node.ip()))
}
