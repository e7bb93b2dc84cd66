use axum::extract::State;
use db::{LookupFunction, Reason, Refusal, SystemTx, TenantTx};
use kernel::{AccountId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{AnyUser, Created, Error, Json, RequestId, Result};

use super::{initialize_account, list::accounts_of_user};
use crate::{
    App,
    device::Device,
    sessions::{TokenPair, open_session_from, parent::begin_opening},
    slug::slug,
};

/// Request to open another account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// Name of the new account's company.
    #[validate(length(min = 1, max = 200), custom(function = "web::single_line"))]
    #[schema(example = "Borealis", min_length = 1, max_length = 200)]
    name: String,
}

/// Maximum number of accounts per user.
const MAX_ACCOUNTS: usize = 100;

#[derive(Debug, thiserror::Error)]
#[error("you work in {MAX_ACCOUNTS} accounts, which is as many as one person can; leave one first")]
struct TooManyAccounts;

impl Refusal for TooManyAccounts {
    fn code(&self) -> &'static str {
        "too-many-accounts"
    }
}

const OPEN: LookupFunction = LookupFunction::new("select open_account from app.open_account($1, $2, $3)");

/// Open another account.
///
/// The caller becomes its owner. The response is a session in it; the current session stays.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn create_account(
    State(app): State<App>,
    AnyUser(who): AnyUser,
    device: Device,
    Json(new): Json<NewAccount>,
) -> Result<Created<TokenPair>> {
    let (mut tx, parent) = begin_opening(&app, &who).await?;
    parent.leads_to(None)?;
    if accounts_of_user(&mut tx).await?.len() >= MAX_ACCOUNTS {
        return Err(TooManyAccounts.into());
    }
    tx.commit().await?;
    #[expect(clippy::disallowed_methods, reason = "the account does not exist before this")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    app.quotas.count_signup(&mut tx, device.address).await?;
    let origin = app.quotas.origin(device.address);
    let (account, mut tx) =
        create_account_for(tx, &new.name, who.user(), RequestId(who.request()), origin).await?;
    let tokens = open_session_from(&app, &mut tx, account, who.user(), &device, Some(parent)).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/accounts/{}", Uuid::from(account)), tokens))
}

/// Creates an account called `name` with `founder` as its owner, and enters it with the transaction. `origin`: keyed
/// hash of the client address, as made by [`SendingQuotas`](crate::SendingQuotas).
pub(crate) async fn create_account_for(
    mut tx: SystemTx,
    name: &str,
    founder: UserId,
    request: RequestId,
    origin: Option<Vec<u8>>,
) -> Result<(AccountId, TenantTx)> {
    let (account, wanted) = (AccountId::new(), slug(name));
    let opened: Option<(Option<String>,)> = tx
        .ask(OPEN, |row| {
            row.bind(account);
            row.bind(wanted);
            row.bind(origin);
        })
        .await?;
    let slug = opened.and_then(|(slug,)| slug).ok_or_else(|| Error::Internal("no slug is free".into()))?;
    let mut tx = tx.enter(account, founder, request.0);
    initialize_account(&mut tx, account, name, &slug, founder).await?;
    Ok((account, tx))
}
