//! Security headers of responses for browsers.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use kernel::Env;

/// Policy for data: it loads nothing, and cannot be framed or send forms.
const DATA: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
/// Policy of the page `/docs`: it loads its own files, and connects to the gateway only. Swagger UI adds inline
/// styles, and its style sheet contains data URLs of images.
const DOCS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Headers of every response.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Reads `NEXO_HSTS`. Enabled by default in production, where TLS must be terminated in front of the gateway;
/// `off` disables it.
pub(crate) fn transport(env: &mut Env) -> Option<HeaderValue> {
    const NAME: &str = "NEXO_HSTS";
    let usual = if env.production() { "max-age=31536000; includeSubDomains" } else { "off" };
    let told = env.string_or(NAME, usual);
    if told == "off" {
        return None;
    }
    let told = told.parse().ok().filter(|_| told.starts_with("max-age="));
    if told.is_none() {
        env.report(NAME, "is neither off nor such as max-age=31536000; includeSubDomains");
    }
    told
}

/// Adds the headers to a response. A single pass instead of layers, because each layer allocates a box per
/// request.
pub(super) fn add_security_headers(headers: &mut HeaderMap, is_docs: bool, transport: Option<&HeaderValue>) {
    headers.reserve(ALWAYS.len() + 2);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.insert(CONTENT_SECURITY_POLICY, if is_docs { DOCS } else { DATA });
    if is_docs && headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/html") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    if let Some(transport) = transport {
        headers.insert(STRICT_TRANSPORT_SECURITY, transport.clone());
    }
}
