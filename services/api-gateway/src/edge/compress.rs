use http::{Extensions, HeaderMap, StatusCode, Version, header::CONTENT_TYPE};
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

/// Compresses answers for clients that take it.
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
