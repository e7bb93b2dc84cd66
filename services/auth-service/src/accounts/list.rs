use axum::extract::State;
use db::{LookUp, Scoped, TenantTx};
use identity::Principal;
use kernel::AccountId;
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use web::{Json, KnownCaller, Result};

use crate::{App, AuthRefusal, sessions::person::begin_own};

/// Where somebody works.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct MyAccount {
    #[schema(value_type = uuid::Uuid)]
    pub(crate) account_id: AccountId,
    slug: String,
    name: String,
    plan: String,
    /// Whether the account works: `active` or `suspended`.
    account_status: String,
    /// Whether I am let in: `active` or `suspended`.
    status: String,
    /// When I last logged in there.
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
}

/// Every account of a person, the one used last first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Places {
    data: Vec<MyAccount>,
    /// The one that the access token is for; `null` of a person who is a member of none.
    #[schema(value_type = Option<uuid::Uuid>)]
    current: Option<AccountId>,
}

const MINE: LookUp = LookUp::new(
    "select account_id, slug, name, plan, account_status, status, last_used_at from app.my_places()",
);

/// List the accounts that I work in.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn my_accounts(
    State(app): State<App>,
    KnownCaller(caller): KnownCaller,
) -> Result<Json<Places>> {
    let (mut tx, only) = begin_own(&app, &caller).await?;
    let mut data = mine(&mut tx).await?;
    data.retain(|mine| only.is_none_or(|only| only == mine.account_id));
    Ok(Json(Places { data, current: caller.account() }))
}

/// The accounts of whoever the transaction was entered for.
pub(crate) async fn mine(tx: &mut TenantTx) -> Result<Vec<MyAccount>> {
    Ok(tx.look_up::<MyAccount>(MINE).all().await?)
}

impl MyAccount {
    /// Whether `who` may come in.
    pub(crate) fn is_open(&self) -> bool {
        self.status == "active" && self.account_status == "active"
    }
}

const VIA: Scoped = Scoped::new("select via from app.sessions where account_id = $1 and id = $2");

/// Whether the session was opened at the account's own identity provider. Whoever keeps that speaks for the person in this
/// account alone: from such a session nobody gets to another one.
pub(crate) async fn is_of_provider(tx: &mut TenantTx, who: &Principal) -> Result<bool> {
    let via: Option<(String,)> = tx.read(VIA).bind(who.session()).optional().await?;
    Ok(via.is_none_or(|(via,)| via == "provider"))
}

/// One of the accounts of `who`; any other id is nobody's to know about.
pub(crate) async fn one_of_mine(app: &App, who: &Principal, account: AccountId) -> Result<MyAccount> {
    let mut tx = app.db.begin_reading(who).await?;
    if account != who.account() && is_of_provider(&mut tx, who).await? {
        return Err(AuthRefusal::ProviderSession.into());
    }
    let mine = mine(&mut tx).await?.into_iter().find(|mine| mine.account_id == account);
    mine.ok_or(web::Error::NotFound("account"))
}
