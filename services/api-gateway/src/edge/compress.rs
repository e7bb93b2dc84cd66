//! Compression of responses, for clients that accept it.

use std::{convert::Infallible, future::ready};

use axum::{body::Body, extract::Request, response::Response};
use http::{
    Extensions, HeaderMap, HeaderValue, StatusCode, Version,
    header::{ACCEPT_ENCODING, CONTENT_TYPE},
};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{Predicate as _, SizeAbove},
    },
};

use crate::access_record::AccessRecord;

/// Minimum size: smaller responses fit into one or two packets uncompressed.
const MIN_COMPRESSED_BYTES: u64 = 1024;

type Judge = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Compresses a response that is worth it; `accepted` is the header `Accept-Encoding` after [`negotiate`]. A layer
/// around every request would wrap every body.
pub(super) async fn compress(accepted: Option<HeaderValue>, response: Response) -> Response {
    let worth = SizeAbove::new(MIN_COMPRESSED_BYTES).and(is_worth_it as Judge);
    if !worth.should_compress(&response) {
        return response;
    }
    let mut request = Request::new(Body::empty());
    if let Some(accepted) = accepted {
        request.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    let mut response = Some(response);
    let answers = service_fn(|_: Request| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth);
    let Ok(compressed) = layer.layer(answers).oneshot(request).await;
    compressed.map(Body::new)
}

/// Compresses text formats only. Not exports, because a compressor delays streamed data, and spreadsheets are
/// compressed already. Not credentials: an attacker who can inject data next to a secret could infer it from sizes
/// (BREACH).
fn is_worth_it(_: StatusCode, _: Version, headers: &HeaderMap, with: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim_end();
    let texts = ["application/json", "application/problem+json", "text/css", "text/html", "text/javascript"];
    texts.contains(&kind) && !with.get::<AccessRecord>().is_some_and(|trail| trail.is_secret)
}

/// Reduces `Accept-Encoding` to gzip or nothing. If no coding is acceptable, the response is sent uncompressed
/// (RFC 9110, 12.5.3): a 406 would deny work that is already done.
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

/// Whether gzip is accepted, and not less preferred than an uncompressed response.
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

/// A content coding, and its weight in thousandths; an unreadable weight is 0.
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
