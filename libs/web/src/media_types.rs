use std::fmt;

use http::HeaderValue;

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
