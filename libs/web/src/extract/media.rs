use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::{Error, MediaTypes};

impl MediaTypes {
    /// Matches `Content-Type` against the accepted media types; fails with [`Error::UnsupportedMediaType`].
    pub fn announced(self, headers: &HeaderMap) -> Result<&'static str, Error> {
        let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
        let known =
            |sent: &str| self.names.iter().find(|name| sent.trim().eq_ignore_ascii_case(name)).copied();
        sent.and_then(known).ok_or(Error::UnsupportedMediaType(self))
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
