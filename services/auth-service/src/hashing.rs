//! Errors of hashing a password, as they are answered.

use identity::HashError;
use web::Error;

const SHARE_TAKEN: &str = "too many passwords of this e-mail, address or account are looked at at once; wait as long as Retry-After says";

/// Maps a hashing error: overload is retryable (429 or 503), an unreadable hash is an internal error.
pub(crate) fn hashing_failed(error: HashError) -> Error {
    match error {
        HashError::ShareTaken => Error::TooMany(SHARE_TAKEN, 1),
        HashError::Busy | HashError::Stopped => Error::Unavailable(error.into()),
        HashError::Unusable => Error::Internal(error.into()),
    }
}
