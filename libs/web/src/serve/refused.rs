//! Requests that are refused before anything of ours reads them.

use axum::response::{IntoResponse as _, Response};

use crate::{Error, RequestId, finish::private};

/// The longest head that is read: a request line and its headers. A token has up to 16 KiB.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// More headers than any client of ours has use for; hyper reads no more either.
pub(super) const MAX_HEADERS: usize = 100;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Two programs may see another end of this request.
    Ambiguous,
    /// This is no request of HTTP/1.1, or of HTTP/1.0.
    Malformed,
    /// The target of the request is none of the four forms of RFC 9112, 3.2.
    Target,
    /// `Host` is missing, there twice, or no host.
    Host,
    /// A header that has one value is there twice.
    Repeated(&'static str),
    /// The request line alone is too long.
    TargetTooLong,
    /// There are too many headers, or they are too long.
    HeadTooLarge,
}

impl Refused {
    /// What the client gets: a problem under an id of its own, as from any operation.
    pub(super) fn answer(self) -> Response {
        let id = RequestId::new();
        let mut response = id.within(|| self.error().into_response());
        tracing::debug!(request.id = %id.0, refused = ?self, "a request was refused before it was read");
        id.mark(&mut response);
        private(response.headers_mut());
        response
    }

    fn error(self) -> Error {
        let text = match self {
            Self::TargetTooLong => return Error::PathTooLong(MAX_HEAD),
            Self::HeadTooLarge => return Error::HeadTooLarge(MAX_HEAD, MAX_HEADERS),
            Self::Ambiguous => "the end of this request can be read in two ways".to_owned(),
            Self::Malformed => "this is not a request of HTTP/1.1".to_owned(),
            Self::Target => {
                "the target of the request is not a path, nor an address with http or https".to_owned()
            }
            Self::Host => {
                "a request has one Host header, which is a name or an address, and perhaps a port".to_owned()
            }
            Self::Repeated(name) => format!("the header {name} may be there once"),
        };
        Error::Malformed(text)
    }
}
