//! Headers that are for one connection, and those that say who asked before us (RFC 9110, 7.6).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, VIA},
};

/// What a proxy must not pass on, whether `Connection` names it or not.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is said to us alone, and what anybody can write and no service must believe.
const NOT_PASSED_ON: &[&str] =
    &["expect", "forwarded", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Of a request, before it goes on.
pub(crate) fn inbound(headers: &mut HeaderMap) {
    end_to_end(headers);
    for name in NOT_PASSED_ON {
        headers.remove(*name);
    }
    headers.append(VIA, HeaderValue::from_static("1.1 nexo"));
}

/// Of an answer, before it goes back; of a request as well.
pub(crate) fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().map(HeaderName::as_str).chain(HOP_BY_HOP.iter().copied()) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_connection_goes_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("connection", "keep-alive"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic x"),
            ("x-forwarded-for", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
            ("authorization", "Bearer x"),
            ("if-match", "\"1\""),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        inbound(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "if-match", "via"]);
    }
}
