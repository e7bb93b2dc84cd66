#![expect(clippy::disallowed_types, reason = "these wrap what everyone else must not use bare")]

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Error;

/// As the gateway bounds it: a service may be asked by others.
const LONGEST: usize = 8 * 1024;

/// A parameter of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The parameters of the query.
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
        if parts.uri.query().is_some_and(|query| query.len() > LONGEST) {
            return Err(Error::PathTooLong(LONGEST));
        }
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|refused| {
            let text = refused.body_text();
            let name = text.split('`').nth(1).unwrap_or_default();
            Error::invalid(&format!("/{name}"), "query", text.rsplit(": ").next().unwrap_or_default())
        })
    }
}
