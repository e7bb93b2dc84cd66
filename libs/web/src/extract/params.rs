#![expect(clippy::disallowed_types, reason = "these wrap what everyone else must not use bare")]

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::wording;
use crate::Error;

/// Maximum length of a query. The gateway has the same limit, but a service may be called directly.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// A path parameter, with our error responses.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// Query parameters, with our error responses.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0))
            .map_err(|_| Error::invalid("/id", "type", "the id in the path must be a UUID"))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if parts.uri.query().is_some_and(|query| query.len() > MAX_QUERY_BYTES) {
            return Err(Error::PathTooLong(MAX_QUERY_BYTES));
        }
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|refused| wrong_parameter(&refused.body_text()))
    }
}

/// Maps an error message of axum. It reads `Failed to deserialize query string: NAME: WHAT`, or names an unknown
/// or missing parameter within its text.
fn wrong_parameter(text: &str) -> Error {
    let text = text.split_once("query string: ").map_or(text, |(_, text)| text);
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || "_.-[]".contains(one))
    };
    let (name, said) = match text.split_once(": ") {
        Some((name, said)) if is_name(name) => (name, said),
        _ => (text.split('`').nth(1).unwrap_or_default(), text),
    };
    Error::invalid(&format!("/{name}"), "parameter", wording::wanted(said, "parameter"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_named_whatever_is_said_of_it() {
        for (text, pointer, message) in [
            ("actor: UUID parsing failed: invalid character: found `o` at 0", "/actor", "must be a UUID"),
            ("format: unknown variant `pdf`, expected `csv` or `xlsx`", "/format", "must be `csv` or `xlsx`"),
            (
                "unknown field `x`, expected `a` or `b`",
                "/x",
                "is not a parameter here; the parameters are `a`, `b`",
            ),
            ("missing field `member`", "/member", "missing field `member`"),
            ("UUID parsing failed: invalid length", "/", "must be a UUID"),
        ] {
            let Error::Invalid(faults) =
                wrong_parameter(&format!("Failed to deserialize query string: {text}"))
            else {
                panic!("it is a fault of form")
            };
            let fault = faults.first().unwrap();
            assert_eq!((fault.pointer.as_str(), fault.message.as_str()), (pointer, message));
        }
    }
}
