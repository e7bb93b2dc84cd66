use std::{marker::PhantomData, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use db::{Db, FilePlace, Hidden, Refusal, Resource, Sort, TenantTx, View};
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use identity::{Identity, Principal, TokenError, Verifier};

use serde::Serialize;

use crate::{Error, RequestId, Result, Shown};

/// Something one may do to a resource.
pub trait Action: 'static {
    /// As in the permission.
    const NAME: &'static str;
}

/// Something that permissions are about.
pub trait Subject: 'static {
    /// As in the permission.
    const NAME: &'static str;
}

impl<R: Resource> Subject for R {
    const NAME: &'static str = R::NAME;
}

/// To look.
#[derive(Debug)]
pub enum Read {}

/// To change.
#[derive(Debug)]
pub enum Write {}

/// To remove, and to take back from the trash.
#[derive(Debug)]
pub enum Delete {}

/// To remove from the trash, for good.
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

/// The token that a request carries.
#[derive(Debug)]
pub struct Bearer<'h>(pub &'h str);

impl<'h> Bearer<'h> {
    /// Of these headers. The scheme's name has no case (RFC 9110, 11.1).
    #[must_use]
    pub fn of(headers: &'h HeaderMap) -> Option<Self> {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(Self(token))
    }
}

/// A person whose token is good, whatever they may do. An API key is refused: it does what its permissions say, and what
/// everybody may do with an account, a password or a session of their own is none of them.
#[derive(Debug, Clone)]
pub struct Known(pub Arc<Principal>);

/// Somebody whose token is good: a person, or an API key.
#[derive(Debug, Clone)]
pub struct Anyone(pub Arc<Principal>);

/// Somebody whose token is good, inside an account or a member of none. For the few operations that are about the person
/// alone; the token of a person without an account is refused by every other extractor.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Identity);

/// The same, without API keys.
#[derive(Debug, Clone)]
pub struct KnownCaller(pub Identity);

impl<S> FromRequestParts<S> for Known
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Anyone(who) = Anyone::from_request_parts(parts, state).await?;
        if who.is_key() { Err(ForPeople.into()) } else { Ok(Self(who)) }
    }
}

impl<S> FromRequestParts<S> for KnownCaller
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match AnyCaller::from_request_parts(parts, state).await? {
            AnyCaller(Identity::Member(who)) if who.is_key() => Err(ForPeople.into()),
            AnyCaller(who) => Ok(Self(who)),
        }
    }
}

/// Why a person's token is refused, good as it is.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "you are a member of no account: this token shows you and your invitations, accepts one, and opens an account, and is \
     good for nothing else"
)]
pub struct NoAccount;

impl Refusal for NoAccount {
    fn code(&self) -> &'static str {
        "no-account"
    }

    fn sort(&self) -> Sort {
        Sort::Forbidden
    }
}

/// Why an API key is not let in, good as it is.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this is for people who have logged in, not for API keys")]
struct ForPeople;

impl Refusal for ForPeople {
    fn code(&self) -> &'static str {
        "api-key-not-allowed"
    }

    fn sort(&self) -> Sort {
        Sort::Forbidden
    }
}

impl<S> FromRequestParts<S> for Anyone
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match AnyCaller::from_request_parts(parts, state).await? {
            AnyCaller(Identity::Member(who)) => Ok(Self(Arc::new(who))),
            AnyCaller(Identity::Person(_)) => Err(NoAccount.into()),
        }
    }
}

impl<S> FromRequestParts<S> for AnyCaller
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Bearer(token) = Bearer::of(&parts.headers).ok_or(Error::NoToken)?;
        let request = RequestId::current_or_new();
        let who =
            Verifier::from_ref(state).identify(token, request.0).await.map_err(|error| match error {
                TokenError::Invalid => Error::Unauthenticated,
                TokenError::NoAccount => NoAccount.into(),
                TokenError::KeysUnavailable => Error::Unavailable(Box::new(error)),
            })?;
        let span = tracing::Span::current();
        span.record("user.id", tracing::field::display(who.user()));
        if let Identity::Member(who) = &who {
            span.record("account.id", tracing::field::display(who.account()));
            let traced = signals::Span::current();
            if traced.is_on() {
                traced.set("account.id", who.account().to_string());
            }
        }
        Ok(Self(who))
    }
}

/// Proof that the caller may do `A` to `R`, and a handler's only way to rows.
pub struct May<A, R> {
    db: Db,
    who: Anyone,
    proof: PhantomData<fn() -> (A, R)>,
}

impl<A: Action, R: Subject> May<A, R> {
    /// If the permissions of `who` give it.
    pub(crate) fn given(db: Db, who: Anyone) -> Result<Self> {
        if !who.0.permissions().allow(R::NAME, A::NAME) {
            return Err(Error::Forbidden(format!("{}:{}", R::NAME, A::NAME)));
        }
        Ok(Self { db, who, proof: PhantomData })
    }

    /// Fails unless the caller may do `action` to `R` as well.
    pub fn also(&self, action: &str) -> Result<()> {
        if self.who.0.permissions().allow(R::NAME, action) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("{}:{action}", R::NAME)))
    }

    /// `value`, a thing of this kind that is no record of the engine, as the caller may see it: without `R:read`, its `id` and
    /// `version` alone.
    pub fn shown<T: Serialize>(&self, value: T) -> Result<Shown<T>> {
        let reads = self.who.0.permissions().allow(R::NAME, Read::NAME);
        if reads { Ok(Shown::Whole(value)) } else { Shown::part(&value) }
    }

    /// Who asks.
    #[must_use]
    pub fn who(&self) -> &Principal {
        &self.who.0
    }

    /// Starts a transaction in the caller's account.
    pub async fn begin(&self) -> Result<TenantTx> {
        Ok(self.db.begin(&self.who.0).await?.acting(R::NAME, A::NAME))
    }

    /// Starts a transaction that only reads, and perhaps for long.
    pub async fn begin_reading_at(&self, is_costly: bool) -> Result<TenantTx> {
        if !is_costly {
            return self.begin_reading().await;
        }
        Ok(self.db.begin_costly(&self.who.0).await?.acting(R::NAME, A::NAME))
    }

    /// A place for a file that goes out page by page.
    pub fn file(&self) -> Result<FilePlace> {
        Ok(self.db.file(&self.who.0)?)
    }

    /// Starts a transaction that only reads.
    pub async fn begin_reading(&self) -> Result<TenantTx> {
        Ok(self.db.begin_reading(&self.who.0).await?.acting(R::NAME, A::NAME))
    }
}

impl<A, R: Resource> May<A, R> {
    /// What the caller sees of `R`.
    #[must_use]
    pub fn view(&self) -> View {
        View::of::<R>(self.who.0.permissions())
    }

    /// The fields of `R` that the caller may not see.
    #[must_use]
    pub fn hidden(&self) -> Hidden {
        Hidden::of::<R>(self.who.0.permissions())
    }
}

impl<S, A, R> FromRequestParts<S> for May<A, R>
where
    S: Send + Sync,
    A: Action,
    R: Subject,
    Db: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let who = Anyone::from_request_parts(parts, state).await?;
        Self::given(Db::from_ref(state), who)
    }
}
