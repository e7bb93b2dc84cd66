//! Refusal of requests whose head is not acceptable, before hyper parses them.

use axum::response::{IntoResponse as _, Response};

use crate::{Error, RequestId, respond::private};

/// Maximum length of a request head (request line and headers). A token has up to 16 KiB.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Maximum number of headers; hyper reads no more either.
pub(super) const MAX_HEADERS: usize = 100;

/// Reason for refusing a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Ambiguous framing: intermediaries may see another end of this request.
    Ambiguous,
    /// The head is not valid HTTP/1.1 or HTTP/1.0.
    Malformed,
    /// The request target has none of the four forms of RFC 9112, 3.2.
    Target,
    /// `Host` is missing, repeated or invalid.
    Host,
    /// A single-valued header is repeated.
    Repeated(&'static str),
    /// The request line alone is too long.
    TargetTooLong,
    /// There are too many headers, or they are too long.
    HeadTooLarge,
}

impl Refused {
    /// Response to the client: a problem with a new request id, as from any operation.
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
