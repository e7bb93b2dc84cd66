//! Validation of a request head.

use std::mem::MaybeUninit;

use http::Uri;
use httparse::{Header, Request, Status};

use super::{
    host::is_host,
    refused::{MAX_HEADERS, Refused},
};

/// Framing of the body that follows a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A body of this many bytes; 0 without a body.
    Sized(u64),
    /// A body in the chunked transfer coding.
    Chunked,
}

/// Headers with a single value. If one is repeated, an intermediary might use another occurrence than this server.
const SINGLE: &[&str] = &[
    "host",              // RFC 9112, 3.2: 400
    "content-length", // RFC 9112, 6.3: lists of equal lengths could be taken, and are what smuggling is made of
    "transfer-encoding", // a list, of which nothing but `chunked` alone is taken
    "authorization",  // RFC 9110, 11.6.2: one set of credentials
    "content-type",   // RFC 9110, 8.3: a single media type
    "content-encoding", // a list, of which nothing but `identity` is taken
    "content-range",  // RFC 9110, 14.4
    "content-location", // RFC 9110, 8.7
    "idempotency-key", // an item, not a list (draft-ietf-httpapi-idempotency-key-header, 2.1)
    "if-match",       // a list, of which one tag is taken: of two lines the second would count for nothing
    "if-modified-since", // RFC 9110, 13.1.3
    "if-unmodified-since",
    "if-range",
    "range",
    "origin",       // RFC 6454, 7.3
    "referer",      // RFC 9110, 10.1.3
    "user-agent",   // RFC 9110, 10.1.5
    "from",         // RFC 9110, 10.1.2
    "max-forwards", // RFC 9110, 7.6.2
    "expect",       // a list, of which nothing but `100-continue` is known
    "traceparent",  // W3C Trace Context, 3.2: one, or none counts
    "x-request-id", // an id
    "x-client-request-id",
    "access-control-request-method", // Fetch: a method
];

/// Validates a complete head, which ends with an empty line.
pub(super) fn judge(head: &[u8]) -> Result<Body, Refused> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::HeadTooLarge),
        Ok(_) | Err(_) => return Err(Refused::Malformed),
    }
    let is_1_1 = request.version == Some(1);
    let said = FramingHeaders::from_headers(request.headers)?;
    match said.host {
        Some(host) if !is_host(host) => return Err(Refused::Host),
        None if is_1_1 => return Err(Refused::Host),
        _ => {}
    }
    target(request.method.unwrap_or_default(), request.path.unwrap_or_default())?;
    match (said.coding, said.length) {
        (None, length) => Ok(Body::Sized(length.map_or(Ok(0), bytes)?)),
        (Some(coding), None) if is_1_1 && coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        (Some(_), _) => Err(Refused::Ambiguous),
    }
}

/// Headers that determine framing and routing.
#[derive(Default)]
struct FramingHeaders<'h> {
    host: Option<&'h [u8]>,
    coding: Option<&'h [u8]>,
    length: Option<&'h [u8]>,
}

impl<'h> FramingHeaders<'h> {
    fn from_headers(headers: &[Header<'h>]) -> Result<Self, Refused> {
        let (mut said, mut seen) = (Self::default(), 0_u32);
        for Header { name, value } in headers {
            let Some(place) = SINGLE.iter().position(|single| single.eq_ignore_ascii_case(name)) else {
                continue;
            };
            let bit = 1 << place;
            if seen & bit != 0 {
                return Err(twice(place));
            }
            seen |= bit;
            match place {
                0 => said.host = Some(value),
                1 => said.length = Some(value),
                2 => said.coding = Some(value),
                _ => {}
            }
        }
        Ok(said)
    }
}

fn twice(place: usize) -> Refused {
    match place {
        0 => Refused::Host,
        1 | 2 => Refused::Ambiguous,
        _ => SINGLE.get(place).map_or(Refused::Malformed, |name| Refused::Repeated(name)),
    }
}

/// Parses `Content-Length`: digits only. Other programs accept more, and may overflow to a negative number beyond
/// 63 bits.
fn bytes(length: &[u8]) -> Result<u64, Refused> {
    let digits = str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number: Option<i64> = digits.and_then(|digits| digits.parse().ok());
    number.and_then(|number| u64::try_from(number).ok()).ok_or(Refused::Ambiguous)
}

/// Validates the request target: origin form, absolute form, authority form for `CONNECT`, or `*` for `OPTIONS`
/// (RFC 9112, 3.2).
fn target(method: &str, target: &str) -> Result<(), Refused> {
    if method == "CONNECT" {
        return if is_host(target.as_bytes()) && target.contains(':') {
            Ok(())
        } else {
            Err(Refused::Target)
        };
    }
    if target.starts_with('/') && target.bytes().all(is_of_path) {
        return Ok(());
    }
    if target == "*" {
        return if method == "OPTIONS" { Ok(()) } else { Err(Refused::Target) };
    }
    // A fragment is never sent (RFC 9112, 3.2.1). Other deviations that hyper can parse are accepted, because
    // browsers send them.
    let known: Option<Uri> = target.parse().ok().filter(|_| !target.contains('#'));
    let is_known = known.is_some_and(|uri| match (uri.scheme_str(), uri.authority()) {
        (None, None) => target.starts_with('/'),
        (Some("http" | "https"), Some(authority)) => is_host(authority.as_str().as_bytes()),
        _ => false,
    });
    if is_known { Ok(()) } else { Err(Refused::Target) }
}

/// Characters of a path and its query (RFC 3986, 3.3 and 3.4).
fn is_of_path(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || matches!(byte, b'!' | b'$'..=b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'_' | b'~') // `$` to `/`: $%&'()*+,-./
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, headers: &str) -> Result<Body, Refused> {
        judge(format!("{line}\r\n{headers}\r\n").as_bytes())
    }

    #[test]
    fn a_request_of_http_1_1_has_one_host_and_it_is_one() {
        let line = "GET / HTTP/1.1";
        assert_eq!(of(line, "HOST: nexo.test\r\n"), Ok(Body::Sized(0)));
        for host in [
            "",
            "host: a\r\nhost: a\r\n",
            "host: a\r\nHost: b\r\n",
            "host: a b\r\n",
            "host:\r\n",
            "host: u@a\r\n",
            "host: a:x\r\n",
        ] {
            assert_eq!(of(line, host), Err(Refused::Host), "{host:?}");
        }
        assert_eq!(of("GET / HTTP/1.0", ""), Ok(Body::Sized(0)), "HTTP/1.0 has none");
        assert_eq!(of("GET / HTTP/1.0", "host: a b\r\n"), Err(Refused::Host));
    }

    #[test]
    fn a_header_with_one_value_is_there_once() {
        assert!(SINGLE.len() <= 32, "each has a bit");
        for name in SINGLE.get(3..).unwrap() {
            let host = "host: a\r\n";
            let once = of("GET / HTTP/1.1", &format!("{host}{name}: 1\r\n"));
            assert_eq!(once, Ok(Body::Sized(0)), "{name}");
            let twice =
                of("GET / HTTP/1.1", &format!("{host}{name}: 1\r\nx: y\r\n{}: 1\r\n", name.to_uppercase()));
            assert_eq!(twice, Err(Refused::Repeated(name)), "{name}");
        }
        let lists = "accept: a\r\naccept: b\r\nif-none-match: \"1\"\r\nif-none-match: \"2\"\r\nvia: 1.1 a\r\nvia: 1.1 b\r\n";
        assert_eq!(of("GET / HTTP/1.1", &format!("host: a\r\n{lists}")), Ok(Body::Sized(0)));
    }

    #[test]
    fn a_target_is_one_of_the_four_forms() {
        for target in [
            "/",
            "/a?b=c%20d&e=[f]",
            "/{a}|b",
            "//a",
            "http://a/",
            "https://a:443/b?c",
            "HTTP://a",
            "http://[::1]:3000/",
        ] {
            assert_eq!(of(&format!("GET {target} HTTP/1.1"), "host: a\r\n"), Ok(Body::Sized(0)), "{target}");
        }
        for target in [
            "a",
            "*",
            "ftp://a/",
            "file:///a",
            "http:///a",
            "http://u@a/",
            "http://a b/",
            "nexo.test:443",
            "/a#b",
            "mailto:a",
            "http:a",
        ] {
            assert!(of(&format!("GET {target} HTTP/1.1"), "host: a\r\n").is_err(), "{target}");
        }
        assert_eq!(of("OPTIONS * HTTP/1.1", "host: a\r\n"), Ok(Body::Sized(0)));
        assert_eq!(of("CONNECT a:443 HTTP/1.1", "host: a\r\n"), Ok(Body::Sized(0)));
        assert_eq!(of("CONNECT /a HTTP/1.1", "host: a\r\n"), Err(Refused::Target));
    }

    #[test]
    fn the_end_of_a_request_is_said_once_and_in_digits() {
        let after = |headers: &str| of("POST / HTTP/1.1", &format!("host: a\r\n{headers}"));
        assert_eq!(after("content-length: 12\r\n"), Ok(Body::Sized(12)));
        assert_eq!(after("transfer-encoding: Chunked\r\n"), Ok(Body::Chunked));
        for doubtful in [
            "content-length: 1\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 1\r\n",
            "transfer-encoding: identity\r\n",
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "content-length: 1\r\ncontent-length: 1\r\n",
            "content-length: 1, 1\r\n",
            "content-length: +1\r\n",
            "content-length: -1\r\n",
            "content-length: 0x1\r\n",
            "content-length:\r\n",
            "content-length: 9223372036854775808\r\n",
            "content-length: 18446744073709551615\r\n",
            "content-length: 99999999999999999999\r\n",
        ] {
            assert_eq!(after(doubtful), Err(Refused::Ambiguous), "{doubtful:?}");
        }
        assert_eq!(of("POST / HTTP/1.0", "transfer-encoding: chunked\r\n"), Err(Refused::Ambiguous));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for line in [
            "GET /",
            "GET / HTTP/2.0",
            "GET / HTTP/3.0",
            "GET  / HTTP/1.1",
            "GET /a b HTTP/1.1",
            "G\u{1}T / HTTP/1.1",
            "\u{16}\u{3}\u{1}",
        ] {
            assert!(of(line, "host: a\r\n").is_err(), "{line:?}");
        }
        for header in [
            "a\r\n",
            " a: b\r\n",
            "a : b\r\n",
            "a: b\r\n c\r\n",
            "a: b\rc\r\n",
            "a: b\0c\r\n",
            "\u{e9}: b\r\n",
        ] {
            assert!(of("GET / HTTP/1.1", &format!("host: a\r\n{header}")).is_err(), "{header:?}");
        }
        let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
        assert_eq!(of("GET / HTTP/1.1", &format!("host: a\r\n{many}")), Err(Refused::HeadTooLarge));
    }
}
