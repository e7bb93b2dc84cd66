use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use db::{Db, Resource};
use http::request::Parts;
use identity::Verifier;

use crate::{Action, Anyone, Delete, Error, May, Result, Write};

/// Proof that the caller may do some operation of a batch to `R`. Which one it is stands in the body, and whoever may do
/// none has theirs not read.
pub(crate) struct MaySome<R> {
    db: Db,
    who: Anyone,
    proof: PhantomData<fn() -> R>,
}

impl<R: Resource> MaySome<R> {
    /// If the caller may do `A` as well.
    pub(super) fn to<A: Action>(self) -> Result<May<A, R>> {
        May::given(self.db, self.who)
    }
}

impl<S, R> FromRequestParts<S> for MaySome<R>
where
    S: Send + Sync,
    R: Resource,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Anyone::from_request_parts(parts, state).await?;
        let given = who.0.permissions();
        if !given.allow(R::NAME, Write::NAME) && !given.allow(R::NAME, Delete::NAME) {
            return Err(Error::Forbidden(format!("{}:{}", R::NAME, Write::NAME)));
        }
        Ok(Self { db: Db::from_ref(state), who, proof: PhantomData })
    }
}
