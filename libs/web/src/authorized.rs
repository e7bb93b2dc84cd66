use std::{marker::PhantomData, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use db::{Db, FileSlot, HiddenFields, ReadView, Refusal, RefusalKind, TenantTx};
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use identity::{Identity, Principal, TokenError, Verifier};
use serde::Serialize;

use crate::{Error, Redacted, RequestId, Result};

/// An action on a resource, as a type parameter of [`Authorized`].
pub trait Action: 'static {
    /// Name of the action in permissions.
    const NAME: &'static str;
}

/// A resource that permissions refer to.
pub trait ResourceName: 'static {
    /// Name of the resource in permissions.
    const NAME: &'static str;
}

/// Permission to read records.
#[derive(Debug)]
pub enum Read {}

/// Permission to create and update records.
#[derive(Debug)]
pub enum Write {}

/// Permission to move records to the trash and to restore them.
#[derive(Debug)]
pub enum Delete {}

/// Permission to delete records for good.
#[derive(Debug)]
pub enum Purge {}

impl Action for Read {
    const NAME: &'static str = "read";
}

impl Action for Write {
    const NAME: &'static str = "write";
}

impl Action for Delete {
    const NAME: &'static str = "delete";
}

impl Action for Purge {
    const NAME: &'static str = "purge";
}

/// The bearer token of a request (RFC 6750).
#[derive(Debug)]
pub struct Bearer<'h>(pub &'h str);

impl<'h> Bearer<'h> {
    /// Extracts the token from the headers. The scheme's name is case-insensitive (RFC 9110, 11.1).
    #[must_use]
    pub fn from_headers(headers: &'h HeaderMap) -> Option<Self> {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(Self(token))
    }
}

/// An authenticated person; no permission is required. API keys are rejected, because self-service (own password,
/// own sessions) is not covered by any permission.
#[derive(Debug, Clone)]
pub struct AuthenticatedUser(pub Arc<Principal>);

/// An authenticated principal: a person or an API key; no permission is required.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Arc<Principal>);

/// An authenticated identity, with or without an account. For the few operations that concern the person alone;
/// every other extractor rejects the token of a person without an account.
#[derive(Debug, Clone)]
pub struct AnyPrincipal(pub Identity);

/// An authenticated person, with or without an account. API keys are rejected.
#[derive(Debug, Clone)]
pub struct AnyUser(pub Identity);

impl<S> FromRequestParts<S> for AuthenticatedUser
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Authenticated(who) = Authenticated::from_request_parts(parts, state).await?;
        if who.is_key() { Err(ApiKeyNotAllowed.into()) } else { Ok(Self(who)) }
    }
}

impl<S> FromRequestParts<S> for AnyUser
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match AnyPrincipal::from_request_parts(parts, state).await? {
            AnyPrincipal(Identity::Member(who)) if who.is_key() => Err(ApiKeyNotAllowed.into()),
            AnyPrincipal(who) => Ok(Self(who)),
        }
    }
}

/// A valid token was rejected because its person is a member of no account.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "you are a member of no account: this token shows you and your invitations, accepts one, and opens an account, and is \
     good for nothing else"
)]
pub struct AccountRequired;

impl Refusal for AccountRequired {
    fn code(&self) -> &'static str {
        "no-account"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

/// A valid API key was rejected because the operation is for people only.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this is for people who have logged in, not for API keys")]
struct ApiKeyNotAllowed;

impl Refusal for ApiKeyNotAllowed {
    fn code(&self) -> &'static str {
        "api-key-not-allowed"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match AnyPrincipal::from_request_parts(parts, state).await? {
            AnyPrincipal(Identity::Member(who)) => Ok(Self(Arc::new(who))),
            AnyPrincipal(Identity::Person(_)) => Err(AccountRequired.into()),
        }
    }
}

impl<S> FromRequestParts<S> for AnyPrincipal
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Bearer(token) = Bearer::from_headers(&parts.headers).ok_or(Error::NoToken)?;
        let request = RequestId::current_or_new();
        let who =
            Verifier::from_ref(state).identify(token, request.0).await.map_err(|error| match error {
                TokenError::Invalid => Error::Unauthenticated,
                TokenError::NoAccount => AccountRequired.into(),
                TokenError::KeysUnavailable => Error::Unavailable(Box::new(error)),
            })?;
        tracing::Span::current().record("user.id", tracing::field::display(who.user())); // for the logs alone
        if let Identity::Member(who) = &who {
            ::telemetry::record("account.id", who.account());
        }
        Ok(Self(who))
    }
}

/// A resource that is known at run time only, as type parameter of [`Authorized`].
#[derive(Debug)]
pub enum AnyResource {}

/// Proof that the caller may perform `A` on `R`, and a handler's only access to rows.
pub struct Authorized<A, R> {
    db: Db,
    who: Authenticated,
    resource: &'static str,
    proof: PhantomData<fn() -> (A, R)>,
}

impl<A: Action> Authorized<A, AnyResource> {
    /// Creates the proof if the permissions of `who` include the action on the resource of this name.
    pub fn named(db: Db, who: Authenticated, resource: &'static str) -> Result<Self> {
        if !who.0.permissions().allow(resource, A::NAME) {
            return Err(Error::Forbidden(format!("{resource}:{}", A::NAME)));
        }
        Ok(Self { db, who, resource, proof: PhantomData })
    }
}

impl<A: Action, R> Authorized<A, R> {
    /// Fails unless the caller may also perform `action` on the resource.
    pub fn also(&self, action: &str) -> Result<()> {
        if self.who.0.permissions().allow(self.resource, action) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("{}:{action}", self.resource)))
    }

    /// Reduces `value`, which is not a record of the engine, to what the caller may see: without the permission to
    /// read, only its `id` and `version`.
    pub fn shown<T: Serialize>(&self, value: T) -> Result<Redacted<T>> {
        let reads = self.who.0.permissions().allow(self.resource, Read::NAME);
        if reads { Ok(Redacted::Whole(value)) } else { Redacted::part(&value) }
    }

    /// Principal that sent the request.
    #[must_use]
    pub fn who(&self) -> &Principal {
        &self.who.0
    }

    /// Begins a transaction in the caller's account.
    pub async fn begin(&self) -> Result<TenantTx> {
        Ok(self.db.begin(&self.who.0).await?.with_action(self.resource, A::NAME))
    }

    /// Begins a transaction that writes what a condition selects; `is_costly` selects the limited slots for long-running ones.
    pub async fn begin_at(&self, is_costly: bool) -> Result<TenantTx> {
        if !is_costly {
            return self.begin().await;
        }
        Ok(self.db.begin_costly_write(&self.who.0).await?.with_action(self.resource, A::NAME))
    }

    /// Begins a read-only transaction; `is_costly` selects the limited slots for long-running ones.
    pub async fn begin_read_only_at(&self, is_costly: bool) -> Result<TenantTx> {
        if !is_costly {
            return self.begin_read_only().await;
        }
        Ok(self.db.begin_costly(&self.who.0).await?.with_action(self.resource, A::NAME))
    }

    /// Acquires a slot for a streamed export.
    pub fn file(&self) -> Result<FileSlot> {
        Ok(self.db.file(&self.who.0)?)
    }

    /// Begins a read-only transaction in the caller's account.
    pub async fn begin_read_only(&self) -> Result<TenantTx> {
        Ok(self.db.begin_read_only(&self.who.0).await?.with_action(self.resource, A::NAME))
    }

    /// View that the caller has of the resource.
    #[must_use]
    pub fn view(&self) -> ReadView {
        ReadView::new(self.resource, self.who.0.permissions())
    }

    /// Fields of the resource that the caller may not see.
    #[must_use]
    pub fn hidden_fields(&self) -> HiddenFields {
        HiddenFields::named(self.resource, self.who.0.permissions())
    }
}

impl<S, A, R> FromRequestParts<S> for Authorized<A, R>
where
    S: Send + Sync,
    A: Action,
    R: ResourceName,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Authenticated::from_request_parts(parts, state).await?;
        let Authorized { db, who, resource, .. } =
            Authorized::<A, AnyResource>::named(Db::from_ref(state), who, R::NAME)?;
        Ok(Self { db, who, resource, proof: PhantomData })
    }
}
