//! Validation of the host of a request (RFC 9112, 3.2; RFC 3986, 3.2.2).

use std::net::Ipv6Addr;

/// Maximum length of a DNS host name with a port.
const MAX_HOST_BYTES: usize = 261;

/// Whether the text is `uri-host [":" port]`. User information before `@` is rejected, and so is an empty host
/// (RFC 9110, 4.2).
pub(super) fn is_host(text: &[u8]) -> bool {
    let Some((host, port)) = parts(text) else { return false };
    text.len() <= MAX_HOST_BYTES && !host.is_empty() && port.is_none_or(is_port)
}

fn parts(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if let Some(literal) = text.strip_prefix(b"[") {
        let end = literal.iter().position(|byte| *byte == b']')?;
        let (address, rest) = literal.split_at(end);
        let _: Ipv6Addr = str::from_utf8(address).ok()?.parse().ok()?;
        return match rest.strip_prefix(b"]")? {
            [] => Some((address, None)),
            more => Some((address, Some(more.strip_prefix(b":")?))),
        };
    }
    let (name, port) = match text.iter().position(|byte| *byte == b':') {
        Some(colon) => (text.get(..colon)?, Some(text.get(colon + 1..)?)),
        None => (text, None),
    };
    name.iter().all(|byte| is_of_name(*byte)).then_some((name, port))
}

/// Characters of a `reg-name`, without percent-encoding, which hosts do not need.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

fn is_port(port: &[u8]) -> bool {
    port.is_empty()
        || port.iter().all(u8::is_ascii_digit)
            && str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in [
            "a",
            "nexo.test",
            "crm_service:3002",
            "127.0.0.1:80",
            "[::1]",
            "[2001:db8::7]:443",
            "a:",
            "xn--caf-dma.test",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        let long = "a".repeat(300);
        for none in [
            "",
            ":80",
            "a b",
            "a:b",
            "a:99999",
            "a:80:80",
            "a/b",
            "user@a",
            "user:pass@a",
            "[::1",
            "[::1]x",
            "[a]",
            "::1",
            "a\t",
            "http://a",
            "a?b",
            "a#b",
            "caf\u{e9}",
            "%41",
            &long,
        ] {
            assert!(!is_host(none.as_bytes()), "{none}");
        }
    }
}
