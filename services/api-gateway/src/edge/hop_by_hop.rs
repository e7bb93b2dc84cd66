//! Hop-by-hop headers, and headers that identify the caller (RFC 9110, 7.6).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, HOST, VIA},
};

/// Removes such headers of a request before it is forwarded.
pub(crate) fn inbound(headers: &mut HeaderMap) {
    headers.remove(HOST); // every request has it
    remove(headers, |name| is_hop_by_hop(name) || is_ours(name));
    headers.append(VIA, HeaderValue::from_static("1.1 nexo"));
}

/// Removes such headers of a response. If a service does not trust us, it returns our request id as its client's.
pub(crate) fn end_to_end(headers: &mut HeaderMap) {
    remove(headers, |name| is_hop_by_hop(name) || name == "x-client-request-id");
}

/// Removes the matching headers, and those that `Connection` names.
fn remove(headers: &mut HeaderMap, is_meant: impl Fn(&str) -> bool) {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|names| names.split(',')).filter_map(|name| name.trim().parse().ok());
    let meant = headers.keys().filter(|name| is_meant(name.as_str())).cloned();
    let gone: Vec<HeaderName> = named.chain(meant).collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Headers that a proxy must not forward, whether `Connection` names them or not.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Headers addressed to the gateway, or that only the gateway may set. Neither a client nor its proxy may set
/// caller, account, address, method or trace for a service.
fn is_ours(name: &str) -> bool {
    let internal = ["x-account", "x-forwarded-", "x-nexo-", "x-original-", "x-real-", "x-tenant", "x-user"];
    matches!(
        name,
        "baggage"
            | "expect"
            | "forwarded"
            | "traceparent"
            | "tracestate"
            | "x-http-method-override"
            | "x-rewrite-url"
    ) || name.starts_with("x-") && internal.iter().any(|prefix| name.starts_with(prefix))
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
            ("x-nexo-account", "1"),
            ("x-account-id", "1"),
            ("x-user-id", "1"),
            ("x-original-url", "/"),
            ("x-http-method-override", "DELETE"),
            ("x-trace", "kept"),
            ("traceparent", "00-1-2-01"),
            ("tracestate", "a=1"),
            ("baggage", "a=1"),
            ("authorization", "Bearer x"),
            ("if-match", "\"1\""),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        inbound(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "if-match", "via", "x-trace"]);
    }
}
