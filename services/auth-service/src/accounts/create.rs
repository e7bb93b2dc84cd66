use axum::extract::State;
use db::{LookUp, Reason, Refusal, SystemTx, TenantTx};
use kernel::{AccountId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Created, Error, Json, KnownCaller, RequestId, Result};

use super::{list::mine, open};
use crate::{
    App,
    sessions::{Tokens, device::Device, open_session_from, person::begin_opening},
    slug::slug,
};

/// A company more.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// The company's.
    #[validate(length(min = 1, max = 200), custom(function = "web::one_line"))]
    #[schema(example = "Borealis")]
    name: String,
}

/// In more accounts than these nobody works.
const MOST: usize = 100;

#[derive(Debug, thiserror::Error)]
#[error("you work in {MOST} accounts, which is as many as one person can; leave one first")]
struct TooMany;

impl Refusal for TooMany {
    fn code(&self) -> &'static str {
        "too-many-accounts"
    }
}

const OPEN: LookUp = LookUp::new("select open_account from app.open_account($1, $2, $3)");

/// Open another account, and come in.
///
/// I become its owner. The answer is a session there; the one I have stays.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn create_account(
    State(app): State<App>,
    KnownCaller(who): KnownCaller,
    device: Device,
    Json(new): Json<NewAccount>,
) -> Result<Created<Tokens>> {
    let (mut tx, parent) = begin_opening(&app, &who).await?;
    parent.leads_to(None)?;
    if mine(&mut tx).await?.len() >= MOST {
        return Err(TooMany.into());
    }
    tx.commit().await?;
    #[expect(clippy::disallowed_methods, reason = "the account does not exist before this")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    app.quotas.count_signup(&mut tx, device.address).await?;
    let origin = app.quotas.origin(device.address);
    let (account, mut tx) = found(tx, &new.name, who.user(), RequestId(who.request()), origin).await?;
    let tokens = open_session_from(&app, &mut tx, account, who.user(), &device, Some(parent)).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/accounts/{}", Uuid::from(account)), tokens))
}

/// Opens an account called `name` of which `founder` is the owner; the transaction is inside of it then. `origin`: whence
/// it is opened, as [`SendingQuotas`](crate::SendingQuotas) keeps it.
pub(crate) async fn found(
    mut tx: SystemTx,
    name: &str,
    founder: UserId,
    request: RequestId,
    origin: Option<Vec<u8>>,
) -> Result<(AccountId, TenantTx)> {
    let (account, wanted) = (AccountId::new(), slug(name));
    let opened: Option<(Option<String>,)> = tx
        .ask(OPEN, |row| {
            row.put(account);
            row.put(wanted);
            row.put(origin);
        })
        .await?;
    let slug = opened.and_then(|(slug,)| slug).ok_or_else(|| Error::Internal("no slug is free".into()))?;
    let mut tx = tx.enter(account, founder, request.0).await?;
    open(&mut tx, account, name, &slug, founder).await?;
    Ok((account, tx))
}
