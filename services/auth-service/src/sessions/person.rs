//! Sessions of people who are members of no account: ten minutes, without a refresh token, for what concerns the person alone.

use db::{LookUp, Reason, TenantTx};
use identity::{Identity, Person};
use kernel::{AccountId, SessionId, UserId};
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Error, Result};

use super::parent::Parent;
use crate::{App, AuthRefusal, accounts::is_of_provider};

/// What lets in a person who is a member of no account. No `Debug`: it would end in a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonToken {
    /// Goes into `Authorization: Bearer …`. Good for `GET /auth/me`, `GET /auth/invitations`, `POST /invitations/accept`, and
    /// `GET` and `POST /accounts`; everything else answers 403 `no-account`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The token's life, in seconds. There is no refresh token: log in again.
    #[schema(example = 600)]
    expires_in: u64,
    /// The person.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// `true`: accept an invitation, or open an account, to get a session there.
    #[schema(example = true)]
    no_account: bool,
}

/// A person's session, as it stands.
#[derive(FromRow)]
pub(crate) struct Outside {
    /// Whose identity provider opened it: it speaks for the person in this account, and in no other.
    pub(crate) account_id: Option<AccountId>,
    pub(crate) authenticated_at: OffsetDateTime,
    pub(crate) email: String,
    pub(crate) display_name: String,
}

const OPEN: LookUp = LookUp::new("select open_person_session from app.open_person_session($1, $2, $3)");
const FIND: LookUp =
    LookUp::new("select account_id, authenticated_at, email, display_name from app.person_session($1)");

/// What says that the person is who they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shown<'s> {
    /// Their password, held against this hash.
    Password(&'s str),
    /// The identity provider of this account.
    Provider(AccountId),
}

/// Opens a session of `user`, for whom the transaction was entered.
pub(crate) async fn open_person_session(
    app: &App,
    tx: &mut TenantTx,
    user: UserId,
    shown: Shown<'_>,
) -> Result<PersonToken> {
    let session = SessionId::new();
    let (account, hash) = match shown {
        Shown::Password(hash) => (None, Some(hash)),
        Shown::Provider(account) => (Some(account), None),
    };
    let opened: Option<(bool,)> = tx.look_up(OPEN).bind(session).bind(account).bind(hash).optional().await?;
    if opened != Some((true,)) {
        return Err(AuthRefusal::LoginFailed.into()); // another password was set meanwhile
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

impl Outside {
    /// Enters a transaction for `person`, inside no account, if their session still stands.
    pub(crate) async fn begin(app: &App, person: &Person) -> Result<(TenantTx, Self)> {
        let nowhere = Uuid::nil().into();
        #[expect(
            clippy::disallowed_methods,
            reason = "the person is a member of no account, and sees themselves"
        )]
        let mut tx =
            app.db.system_inside(Reason::OwnAccounts, nowhere, person.user(), person.request()).await?;
        let found: Option<Self> = tx.look_up(FIND).bind(person.session()).optional().await?;
        Ok((tx, found.ok_or(Error::Unauthenticated)?))
    }
}

/// Enters a transaction that reads what concerns `caller` alone, and tells the only account that they may learn about, if it is
/// an identity provider that speaks for them.
pub(crate) async fn begin_own(app: &App, caller: &Identity) -> Result<(TenantTx, Option<AccountId>)> {
    match caller {
        Identity::Member(who) => {
            let mut tx = app.db.begin_reading(who).await?;
            let only = is_of_provider(&mut tx, who).await?.then(|| who.account());
            Ok((tx, only))
        }
        Identity::Person(person) => {
            let (tx, outside) = Outside::begin(app, person).await?;
            Ok((tx, outside.account_id))
        }
    }
}

/// Enters a transaction that reads for `caller`, and tells from what they may open a session in another account.
pub(crate) async fn begin_opening(app: &App, caller: &Identity) -> Result<(TenantTx, Parent)> {
    match caller {
        Identity::Member(who) => {
            let mut tx = app.db.begin_reading(who).await?;
            let parent = Parent::of(&mut tx, who).await?;
            Ok((tx, parent))
        }
        Identity::Person(person) => {
            let (tx, outside) = Outside::begin(app, person).await?;
            Ok((tx, Parent::outside(&outside)))
        }
    }
}
