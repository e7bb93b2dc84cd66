use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use identity::{Principal, Verifier};
use web::{Error, Known, Result};

/// Somebody who decides how the account's people log in.
pub(crate) struct Administrator(pub(crate) Arc<Principal>);

impl<S> FromRequestParts<S> for Administrator
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Known(who) = Known::from_request_parts(parts, state).await?;
        if who.permissions().allow("account", "write") {
            Ok(Self(who))
        } else {
            Err(Error::Forbidden("account:write".to_owned()))
        }
    }
}
