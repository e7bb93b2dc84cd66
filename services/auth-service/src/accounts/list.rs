use axum::extract::State;
use db::{FromRow, LookupFunction, TenantTx};
use identity::Principal;
use kernel::AccountId;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{AnyUser, Json, Result};

use crate::{
    App, AuthRefusal,
    sessions::{is_of_provider, person::begin_own},
};

/// A user's membership in an account.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct AccountMembership {
    #[schema(value_type = uuid::Uuid)]
    pub(crate) account_id: AccountId,
    slug: String,
    name: String,
    plan: String,
    /// Status of the account: `active` or `suspended`.
    account_status: String,
    /// Status of the caller's membership: `active` or `suspended`.
    status: String,
    /// Time of the caller's last login to the account (UTC).
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
}

/// All accounts of the caller, most recently used first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountMembershipList {
    data: Vec<AccountMembership>,
    /// Account that the access token is for; `null` if it is for none.
    #[schema(value_type = Option<uuid::Uuid>)]
    current: Option<AccountId>,
}

const MINE: LookupFunction = LookupFunction::new(
    "select account_id, slug, name, plan, account_status, status, last_used_at from app.my_places()",
);

/// List the caller's accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn list_my_accounts(
    State(app): State<App>,
    AnyUser(caller): AnyUser,
) -> Result<Json<AccountMembershipList>> {
    let (mut tx, only) = begin_own(&app, &caller).await?;
    let mut data = accounts_of_user(&mut tx).await?;
    data.retain(|mine| only.is_none_or(|only| only == mine.account_id));
    Ok(Json(AccountMembershipList { data, current: caller.account() }))
}

/// The accounts of the transaction's user.
pub(crate) async fn accounts_of_user(tx: &mut TenantTx) -> Result<Vec<AccountMembership>> {
    Ok(tx.look_up::<AccountMembership>(MINE).all().await?)
}

impl AccountMembership {
    /// True if both the membership and the account are active.
    pub(crate) fn is_open(&self) -> bool {
        self.status == "active" && self.account_status == "active"
    }
}

/// Finds an account of `who`; every other id answers 404, so that its existence is not revealed.
pub(crate) async fn account_of_user(
    app: &App,
    who: &Principal,
    account: AccountId,
) -> Result<AccountMembership> {
    let mut tx = app.db.begin_read_only(who).await?;
    if account != who.account() && is_of_provider(&mut tx, who).await? {
        return Err(AuthRefusal::ProviderSession.into());
    }
    let mine = accounts_of_user(&mut tx).await?.into_iter().find(|mine| mine.account_id == account);
    mine.ok_or(web::Error::NotFound("account"))
}
