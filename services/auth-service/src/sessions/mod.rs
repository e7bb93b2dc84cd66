//! Sessions: a login, until it ends.

pub(crate) mod device;
pub(crate) mod end;
pub(crate) mod list;
pub(crate) mod logout;
pub(crate) mod parent;
pub(crate) mod person;
pub(crate) mod refresh;
pub(crate) mod step_up;

use db::{Change, ScopedWrite, TenantTx};
use identity::{Grant, HashError, RefreshKey};
use kernel::{AccountId, SessionId, UserId};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Error, Result};

use crate::{App, AuthRefusal, factor, rights};
use device::Device;
use parent::Parent;
pub(crate) use step_up::{fresh, fresh_everywhere};

/// What lets somebody in. No `Debug`: it would end in a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The access token's life, in seconds.
    #[schema(example = 600)]
    expires_in: u64,
    /// Gets the next pair.
    refresh_token: String,
    /// The person.
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    /// The account they work in.
    #[schema(value_type = uuid::Uuid)]
    account_id: AccountId,
    /// The account requires a second factor, and the person has none: these tokens are good for adding one.
    second_factor_missing: bool,
    #[serde(skip)]
    session: SessionId,
}

impl Tokens {
    /// The session that they are of.
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }
}

const OPEN: ScopedWrite = ScopedWrite::new(
    "insert into app.sessions (account_id, id, user_id, seed, user_agent, ip, authenticated_at, expires_at)
     select $1, $2, $3, $4, $5, $6, coalesce($7, now()), least(now() + make_interval(hours => a.session_hours), $8) from app.accounts a where a.account_id = $1",
);

/// Whoever keeps an account's provider speaks for the person in this account, and in no other.
pub(crate) const AT_PROVIDER: ScopedWrite =
    ScopedWrite::new("update app.sessions set via = 'provider' where account_id = $1 and id = $2");

/// Opens a session of `user`, who has just shown who they are, in the transaction's account.
pub(crate) async fn open_session(
    app: &App,
    tx: &mut TenantTx,
    account: AccountId,
    user: UserId,
    device: &Device,
) -> Result<Tokens> {
    open_session_from(app, tx, account, user, device, None).await
}

/// The same for somebody who has shown it before, in a session that they have.
pub(crate) async fn open_session_from(
    app: &App,
    tx: &mut TenantTx,
    account: AccountId,
    user: UserId,
    device: &Device,
    parent: Option<Parent>,
) -> Result<Tokens> {
    let (session, seed) = (SessionId::new(), RefreshKey::seed());
    let mut told = device.told();
    if let Some(fields) = told.as_object_mut() {
        fields.insert("user".to_owned(), json!(user));
    }
    let opened = Change::new("auth.session.opened", "session", session.into(), "opened").with(told);
    let statement = tx.write_noted::<()>(OPEN, opened).bind(session).bind(user);
    let statement = statement.bind(&seed[..]).bind(&device.agent).bind(device.ip());
    let (since, until) = (parent.map(|parent| parent.since), parent.and_then(|parent| parent.until));
    statement.bind(since).bind(until).run().await?;
    if parent.is_some_and(|parent| parent.only.is_some()) {
        tx.write_unnoted::<()>(AT_PROVIDER).bind(session).run().await?;
    }
    tokens(app, tx, account, &Opened { user, id: session, epoch: 0, generation: 0, seed: &seed }).await
}

/// A session for which tokens are to be issued.
pub(crate) struct Opened<'s> {
    user: UserId,
    id: SessionId,
    epoch: i32,
    generation: i32,
    seed: &'s [u8],
}

/// The tokens of a session's generation, with the rights that its person has now: none, where they lack the second factor
/// that the account requires.
async fn tokens(app: &App, tx: &mut TenantTx, account: AccountId, session: &Opened<'_>) -> Result<Tokens> {
    let Opened { user, id: session, epoch, generation, seed } = *session;
    let held = rights::of(tx, user).await?.ok_or(AuthRefusal::LoginFailed)?;
    let second_factor_missing = factor::missing(tx).await?;
    let rights = if second_factor_missing { rights::Rights::default() } else { held };
    let grant =
        Grant { account, user, session, epoch, roles: rights.names(), permissions: rights.permissions };
    let access = app.issuer.issue(grant).map_err(|error| Error::Internal(error.into()))?;
    Ok(Tokens {
        access_token: access.text,
        token_type: "Bearer",
        expires_in: access.expires_in.as_secs(),
        refresh_token: app.refresh.issue(account, session, generation, seed),
        user_id: user,
        account_id: account,
        second_factor_missing,
        session,
    })
}

const SHARE_TAKEN: &str = "too many passwords of this e-mail, address or account are looked at at once; wait as long as Retry-After says";

/// A full queue passes, and so does a full share of it; a hash that cannot be read does not.
pub(crate) fn hashing_failed(error: HashError) -> Error {
    match error {
        HashError::ShareTaken => Error::TooMany(SHARE_TAKEN, 1),
        HashError::Busy | HashError::Stopped => Error::Unavailable(error.into()),
        HashError::Unusable => Error::Internal(error.into()),
    }
}
