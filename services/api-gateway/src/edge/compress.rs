use http::{
    Extensions, HeaderMap, HeaderValue, StatusCode, Version,
    header::{ACCEPT_ENCODING, CONTENT_TYPE},
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{And, Predicate as _, SizeAbove},
    },
};

use crate::trail::Trail;

/// Less than this fits into a packet or two as it is.
const SMALL: u64 = 1024;

type Judge = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Compresses answers for clients that take it; what they take is asked of [`negotiate`] before.
pub(super) fn layer() -> CompressionLayer<And<SizeAbove, Judge>> {
    let worth = SizeAbove::new(SMALL).and(is_worth_it as Judge);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth)
}

/// Texts of known kinds. Not exports: a compressor holds back what is there already, and spreadsheets are compressed.
/// And nothing that lets somebody in: from sizes, whoever can have a guess of theirs beside a secret learns the secret
/// (BREACH).
fn is_worth_it(_: StatusCode, _: Version, headers: &HeaderMap, with: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim_end();
    let texts = ["application/json", "application/problem+json", "text/css", "text/html", "text/javascript"];
    texts.contains(&kind) && !with.get::<Trail>().is_some_and(|trail| trail.is_secret)
}

/// Leaves of `Accept-Encoding` what is decided by it: gzip, or nothing. Where no coding suits, an answer goes as it is
/// (RFC 9110, 12.5.3): by the time that it is there the work is done, and a 406 would say that it is not.
pub(super) fn negotiate(headers: &mut HeaderMap) {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return;
    }
    if takes_gzip(headers) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        headers.remove(ACCEPT_ENCODING);
    }
}

/// Whether gzip is taken, and nothing but it is liked better that we have.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut plain, mut any) = (None, None, None);
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for (name, weight) in lines.flat_map(|line| line.split(',')).map(coding) {
        if ["gzip", "x-gzip"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            gzip = gzip.max(Some(weight));
        } else if name.eq_ignore_ascii_case("identity") {
            plain = Some(weight);
        } else if name == "*" {
            any = Some(weight);
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= plain.unwrap_or(0)
}

/// A coding, and its weight in thousandths; one that cannot be read is not wanted.
fn coding(element: &str) -> (&str, u16) {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let thousandths = |weight: &str| {
        let weight = weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 1000")]
        Some((weight * 1000.0).round() as u16)
    };
    (name, weight.map_or(Some(1000), thousandths).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suits_nothing_leaves_answers_as_they_are() {
        for (asked, given) in [
            ("gzip", true),
            ("gzip, br", true),
            ("br;q=1.0, GZIP;q=0.5, *;q=0", true),
            ("*", true),
            ("identity;q=0", false),
            ("identity;q=0, gzip", true),
            ("*;q=0", false),
            ("br, *;q=0", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.5, identity", false),
            ("gzip;q=1, identity;q=0.5", true),
            ("br", false),
            ("gzip;q=2", false),
            ("gzip;q=x", false),
            ("", false),
            (";;,,q=1,=\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(asked));
            negotiate(&mut headers);
            let left = headers.get(ACCEPT_ENCODING).map(|left| left.to_str().unwrap());
            assert_eq!(left, given.then_some("gzip"), "{asked:?}");
        }
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("br"));
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        negotiate(&mut headers);
        assert_eq!(headers.get_all(ACCEPT_ENCODING).iter().collect::<Vec<_>>(), ["gzip"]);
    }
}
