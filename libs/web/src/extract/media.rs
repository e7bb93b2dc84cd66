use std::fmt;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::Error;

/// Media types that an operation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaTypes {
    /// Problem code for an unsupported media type; never changes.
    pub code: &'static str,
    /// Media types, the preferred one first.
    pub names: &'static [&'static str],
    /// Whether the operation is a PATCH, so that errors include `Accept-Patch`.
    pub is_patch: bool,
}

impl MediaTypes {
    /// Plain JSON (`application/json`).
    pub(crate) const JSON: Self =
        Self { code: "unsupported-media-type", names: &["application/json"], is_patch: false };
    /// A merge patch (RFC 7396), or plain JSON that is interpreted as one.
    pub(crate) const PATCH: Self = Self {
        code: "unsupported-media-type",
        names: &["application/merge-patch+json", "application/json"],
        is_patch: true,
    };

    /// Matches `Content-Type` against the accepted media types; fails with [`Error::UnsupportedMediaType`].
    pub fn announced(self, headers: &HeaderMap) -> Result<&'static str, Error> {
        let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
        let known =
            |sent: &str| self.names.iter().find(|name| sent.trim().eq_ignore_ascii_case(name)).copied();
        sent.and_then(known).ok_or(Error::UnsupportedMediaType(self))
    }

    /// Value of the `Accept` and `Accept-Patch` headers.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.names.join(", ")).unwrap_or(HeaderValue::from_static("")) // always ASCII
    }
}

impl fmt::Display for MediaTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(" or "))
    }
}

/// Rejects a body with a content coding: nothing here decodes one.
pub(crate) fn uncoded(headers: &HeaderMap) -> Result<(), Error> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") => {
            Err(Error::UnsupportedCoding)
        }
        _ => Ok(()),
    }
}
