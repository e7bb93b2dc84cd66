use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use db::Db;
use http::request::Parts;
use identity::Verifier;
use web::{Action, Authenticated, Authorized, Delete, Error, Result, Write};

use crate::Resource;

/// Proof that the caller may perform some bulk operation on `R`. The body names the operation; if the caller may
/// perform none, the body is not read.
pub(crate) struct AuthorizedAny<R> {
    db: Db,
    who: Authenticated,
    proof: PhantomData<fn() -> R>,
}

impl<R: Resource> AuthorizedAny<R> {
    /// Narrows the proof to `A`, if the caller has that permission.
    pub(super) fn authorize<A: Action>(self) -> Result<Authorized<A, R>> {
        Authorized::new(self.db, self.who)
    }
}

impl<S, R> FromRequestParts<S> for AuthorizedAny<R>
where
    S: Send + Sync,
    R: Resource,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Authenticated::from_request_parts(parts, state).await?;
        let given = who.0.permissions();
        if !given.allow(R::NAME, Write::NAME) && !given.allow(R::NAME, Delete::NAME) {
            return Err(Error::Forbidden(format!("{}:{}", R::NAME, Write::NAME)));
        }
        Ok(Self { db: Db::from_ref(state), who, proof: PhantomData })
    }
}
