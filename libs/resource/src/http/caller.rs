//! The caller of an operation, with the type of record that the operation's path is about.

use std::ops::Deref;

use axum::{
    extract::{FromRef, FromRequestParts, Request},
    handler::Handler,
};
use db::Db;
use http::request::Parts;
use identity::Verifier;
use web::{Action, AnyResource, Authenticated, Authorized, Delete, Error, Result, Write};

use crate::ResourceHandle;

/// A handler of a path that is about records of one type, which [`Caller`] extracts.
#[derive(Debug, Clone)]
pub struct About<H> {
    resource: ResourceHandle,
    handler: H,
}

impl<H> About<H> {
    /// The handler for records of this type.
    pub fn new(resource: &ResourceHandle, handler: H) -> Self {
        Self { resource: resource.clone(), handler }
    }
}

impl<H, T, S> Handler<T, S> for About<H>
where
    H: Handler<T, S>,
    T: 'static,
    S: 'static,
{
    type Future = H::Future;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        request.extensions_mut().insert(self.resource);
        self.handler.call(request, state)
    }
}

/// Proof that the caller may perform `A` on the records that the path is about.
pub struct Caller<A> {
    auth: Authorized<A, AnyResource>,
    resource: ResourceHandle,
}

impl<A> Caller<A> {
    /// Type of the records.
    #[must_use]
    pub fn resource(&self) -> &ResourceHandle {
        &self.resource
    }
}

impl<A> Deref for Caller<A> {
    type Target = Authorized<A, AnyResource>;

    fn deref(&self) -> &Self::Target {
        &self.auth
    }
}

impl<S, A> FromRequestParts<S> for Caller<A>
where
    S: Send + Sync,
    A: Action,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Authenticated::from_request_parts(parts, state).await?;
        let resource = resource(parts)?;
        let auth = Authorized::named(Db::from_ref(state), who, resource.schema().name())?;
        Ok(Self { auth, resource })
    }
}

fn resource(parts: &Parts) -> Result<ResourceHandle> {
    let resource = parts.extensions.get::<ResourceHandle>().cloned();
    resource.ok_or_else(|| Error::Internal("the route is about no type of record".into()))
}

/// Proof that the caller may perform some bulk operation on the records that the path is about. The body names the
/// operation; if the caller may perform none, the body is not read.
pub(super) struct AnyWriter {
    db: Db,
    who: Authenticated,
    resource: ResourceHandle,
}

impl AnyWriter {
    /// Narrows the proof to `A`, if the caller has that permission.
    pub(super) fn authorize<A: Action>(self) -> Result<Caller<A>> {
        let auth = Authorized::named(self.db, self.who, self.resource.schema().name())?;
        Ok(Caller { auth, resource: self.resource })
    }
}

impl<S> FromRequestParts<S> for AnyWriter
where
    S: Send + Sync,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Authenticated::from_request_parts(parts, state).await?;
        let resource = resource(parts)?;
        let (name, permissions) = (resource.schema().name(), who.0.permissions());
        if !permissions.allow(name, Write::NAME) && !permissions.allow(name, Delete::NAME) {
            return Err(Error::Forbidden(format!("{name}:{}", Write::NAME)));
        }
        Ok(Self { db: Db::from_ref(state), who, resource })
    }
}
