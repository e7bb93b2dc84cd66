//! Sessions: from login to expiry or revocation.

pub(crate) mod end;
pub(crate) mod list;
pub(crate) mod logout;
pub(crate) mod parent;
pub(crate) mod person;
mod provider;
mod recent_login;
pub(crate) mod refresh;

use db::{Change, FromRow, Json as Column, TenantCommand, TenantQuery, TenantTx};
use identity::{Grant, RefreshKey};
use kernel::{AccountId, SessionId, UserId};
use parent::Parent;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Error, Result};

use crate::{
    App, AuthRefusal,
    device::Device,
    rights::{HeldRole, Rights},
};
pub(crate) use provider::{is_of_provider, mark_as_of_provider};
pub(crate) use recent_login::{require_recent_login, require_recent_login_all_accounts};

/// Access and refresh token of a session. No `Debug`, so that they cannot be logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenPair {
    /// Access token for `Authorization: Bearer …`.
    access_token: String,
    /// Token type: always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(example = 600)]
    expires_in: u64,
    /// Refresh token: exchanged for the next pair of tokens.
    refresh_token: String,
    /// Id of the authenticated user.
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    /// Account that the session belongs to.
    #[schema(value_type = uuid::Uuid)]
    account_id: AccountId,
    /// Whether the account requires a second factor that the user lacks. The tokens then only allow adding one.
    second_factor_missing: bool,
    #[serde(skip)]
    session: SessionId,
}

impl TokenPair {
    /// The session that the tokens belong to.
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }
}

const OPEN: TenantCommand = TenantCommand::new(
    "insert into app.sessions (account_id, id, user_id, seed, user_agent, ip, authenticated_at, expires_at)
     select $1, $2, $3, $4, $5, $6, coalesce($7, now()), least(now() + make_interval(hours => a.session_hours), $8) from app.accounts a where a.account_id = $1",
);

/// An active member whom tokens are issued for: the user of the transaction.
#[derive(FromRow)]
struct TokenHolder {
    /// Whether user and account are active.
    is_active: bool,
    /// Whether the account requires a second factor that the user does not have.
    second_factor_missing: bool,
    roles: Column<Vec<HeldRole>>,
}

/// Returns one row for an active member, and none otherwise. One statement, because each takes a round trip.
const HOLDER: TenantQuery = TenantQuery::new(concat!(
    "select coalesce(w.user_status = 'active' and w.account_status = 'active', false) as is_active, app.second_factor_missing(), ",
    db::held_roles!(),
    " from app.memberships m left join app.whoami() w on true where m.account_id = $1 and m.user_id = $2 and m.status = 'active'",
));

/// Opens a session of `user`, who has just authenticated, in the transaction's account.
pub(crate) async fn open_session(
    app: &App,
    tx: &mut TenantTx,
    account: AccountId,
    user: UserId,
    device: &Device,
) -> Result<TokenPair> {
    open_session_from(app, tx, account, user, device, None).await
}

/// Opens a session of a user who authenticated earlier, in the session `parent`.
pub(crate) async fn open_session_from(
    app: &App,
    tx: &mut TenantTx,
    account: AccountId,
    user: UserId,
    device: &Device,
    parent: Option<Parent>,
) -> Result<TokenPair> {
    let (session, seed) = (SessionId::new(), RefreshKey::seed());
    let mut told = device.told();
    if let Some(fields) = told.as_object_mut() {
        fields.insert("user".to_owned(), json!(user));
    }
    let opened = Change::new("auth.session.opened", "session", session.into(), "opened").with(told);
    let statement = tx.execute_audited::<()>(OPEN, opened).bind(session).bind(user);
    let statement = statement.bind(&seed[..]).bind(&device.agent).bind(device.ip());
    let (since, until) = (parent.map(|parent| parent.since), parent.and_then(|parent| parent.until));
    statement.bind(since).bind(until).run().await?;
    if parent.is_some_and(|parent| parent.only.is_some()) {
        mark_as_of_provider(tx, session).await?;
    }
    let holder = TokenHolder::find(tx, user).await?.ok_or(AuthRefusal::LoginFailed)?;
    issue(app, account, &OpenedSession { user, id: session, epoch: 0, generation: 0, seed: &seed }, holder)
}

/// A session that tokens are issued for.
pub(crate) struct OpenedSession<'s> {
    user: UserId,
    id: SessionId,
    epoch: i32,
    generation: i32,
    seed: &'s [u8],
}

impl TokenHolder {
    async fn find(tx: &mut TenantTx, user: UserId) -> Result<Option<Self>> {
        Ok(tx.read(HOLDER).bind(user).optional().await?)
    }
}

/// Issues the tokens of a session's generation, with the holder's present rights. A user who lacks the required second
/// factor gets no rights.
fn issue(
    app: &App,
    account: AccountId,
    session: &OpenedSession<'_>,
    holder: TokenHolder,
) -> Result<TokenPair> {
    let OpenedSession { user, id: session, epoch, generation, seed } = *session;
    let TokenHolder { second_factor_missing, roles: Column(roles), .. } = holder;
    let rights = if second_factor_missing { Rights::default() } else { Rights::from_roles(roles) };
    let grant =
        Grant { account, user, session, epoch, roles: rights.names(), permissions: rights.permissions };
    let access = app.issuer.issue(grant).map_err(|error| Error::Internal(error.into()))?;
    Ok(TokenPair {
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
