use std::fmt;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::Error;

/// The kinds of bodies that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaTypes {
    /// The code of the problem where a body is of another kind; it never changes.
    pub code: &'static str,
    /// Their names, the usual one first.
    pub names: &'static [&'static str],
    /// Whether they are patches.
    pub is_patch: bool,
}

impl MediaTypes {
    /// JSON.
    pub(crate) const JSON: Self =
        Self { code: "unsupported-media-type", names: &["application/json"], is_patch: false };
    /// A merge patch (RFC 7396), or JSON that is taken for one.
    pub(crate) const PATCH: Self = Self {
        code: "unsupported-media-type",
        names: &["application/merge-patch+json", "application/json"],
        is_patch: true,
    };

    /// The one that these headers announce; the refusal, where it is none of them.
    pub fn announced(self, headers: &HeaderMap) -> Result<&'static str, Error> {
        let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
        let known =
            |sent: &str| self.names.iter().find(|name| sent.trim().eq_ignore_ascii_case(name)).copied();
        sent.and_then(known).ok_or(Error::UnsupportedMediaType(self))
    }

    /// As `Accept` and `Accept-Patch` name them.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.names.join(", ")).unwrap_or(HeaderValue::from_static("")) // they are ASCII
    }
}

impl fmt::Display for MediaTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(" or "))
    }
}

/// Refuses a body that is coded: nothing of ours unpacks one, and its bytes are not what they stand for.
pub(crate) fn uncoded(headers: &HeaderMap) -> Result<(), Error> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") => {
            Err(Error::UnsupportedCoding)
        }
        _ => Ok(()),
    }
}
