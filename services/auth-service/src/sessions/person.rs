//! Sessions of people who are members of no account: ten minutes, no refresh token, only for operations on the person
//! themselves.

use db::{FromRow, LookupFunction, Reason, TenantTx};
use identity::{Identity, Person};
use kernel::{AccountId, SessionId, UserId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Error, Result};

use super::provider::is_of_provider;
use crate::{App, AuthRefusal};

/// Token of a person who is a member of no account. No `Debug`, so that it cannot be logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonToken {
    /// Access token for `Authorization: Bearer …`. Valid for `GET /auth/me`, `GET /auth/invitations`, `POST
    /// /invitations/accept`, and `GET` and `POST /accounts`; everything else answers 403 `no-account`.
    access_token: String,
    /// Token type: always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the token in seconds. There is no refresh token: log in again.
    #[schema(example = 600)]
    expires_in: u64,
    /// Id of the authenticated user.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Always `true`: accept an invitation or open an account to get a session there.
    #[schema(example = true)]
    no_account: bool,
}

/// A person session, as stored.
#[derive(FromRow)]
pub(crate) struct UserSession {
    /// Account whose identity provider opened the session; it vouches for the user in this account only.
    pub(crate) account_id: Option<AccountId>,
    pub(crate) authenticated_at: OffsetDateTime,
    pub(crate) email: String,
    pub(crate) display_name: String,
}

const OPEN: LookupFunction =
    LookupFunction::new("select open_person_session from app.open_person_session($1, $2, $3)");
const FIND: LookupFunction = LookupFunction::new(
    "select account_id, authenticated_at, email, display_name from app.person_session($1)",
);

/// How the person was authenticated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credentials<'s> {
    /// By password; holds the hash it was verified against.
    Password(&'s str),
    /// By the identity provider of this account.
    Provider(AccountId),
}

/// Opens a person session of the transaction's user.
pub(crate) async fn open_person_session(
    app: &App,
    tx: &mut TenantTx,
    user: UserId,
    shown: Credentials<'_>,
) -> Result<PersonToken> {
    let session = SessionId::new();
    let (account, hash) = match shown {
        Credentials::Password(hash) => (None, Some(hash)),
        Credentials::Provider(account) => (Some(account), None),
    };
    let opened: Option<(bool,)> = tx.look_up(OPEN).bind(session).bind(account).bind(hash).optional().await?;
    if opened != Some((true,)) {
        return Err(AuthRefusal::LoginFailed.into()); // the password was changed meanwhile
    }
    let token = app.issuer.issue_for_person(user, session).map_err(|error| Error::Internal(error.into()))?;
    Ok(PersonToken {
        access_token: token.text,
        token_type: "Bearer",
        expires_in: token.expires_in.as_secs(),
        user_id: user,
        no_account: true,
    })
}

impl UserSession {
    /// Begins a transaction for `person` outside any account, if their session is still valid.
    pub(crate) async fn begin(app: &App, person: &Person) -> Result<(TenantTx, Self)> {
        let nowhere = Uuid::nil().into();
        #[expect(
            clippy::disallowed_methods,
            reason = "the person is a member of no account, and sees themselves"
        )]
        let mut tx = app.db.begin_as(Reason::OwnAccounts, nowhere, person.user(), person.request()).await?;
        let found: Option<Self> = tx.look_up(FIND).bind(person.session()).optional().await?;
        Ok((tx, found.ok_or(Error::Unauthenticated)?))
    }
}

/// Begins a transaction for data of `caller` alone. Also returns the only account they may see, if an identity provider
/// authenticated them.
pub(crate) async fn begin_own(app: &App, caller: &Identity) -> Result<(TenantTx, Option<AccountId>)> {
    match caller {
        Identity::Member(who) => {
            let mut tx = app.db.begin_read_only(who).await?;
            let only = is_of_provider(&mut tx, who).await?.then(|| who.account());
            Ok((tx, only))
        }
        Identity::Person(person) => {
            let (tx, outside) = UserSession::begin(app, person).await?;
            Ok((tx, outside.account_id))
        }
    }
}
