use axum::extract::State;
use db::{LookUp, Reason};
use identity::Verdict;
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Created, Json, RequestId, Result};

use super::Person;
use crate::{
    App, AuthRefusal, accounts, one_time,
    sessions::{Tokens, device::Device, hashing_failed, open_session},
    throttle::Of,
};

/// Somebody who has read the letter.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// From the letter.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    token: SecretString,
    /// The one that they signed up with: whoever signed up with somebody else's address does not come in by their click.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery")]
    password: SecretString,
}

#[derive(FromRow)]
struct Pending {
    email: String,
    display_name: String,
    account_name: String,
    password_hash: String,
}

const PENDING: LookUp =
    LookUp::new("select email, display_name, account_name, password_hash from app.pending_signup($1)");
const END: LookUp = LookUp::new("select end_signup from app.end_signup($1)");

/// Confirm a registration.
///
/// The person becomes the owner of the new account, and is logged in.
#[utoipa::path(post, path = "/api/v1/auth/register/confirm", tag = "auth", security(()))]
pub(crate) async fn confirm_registration(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(shown): Json<Confirmation>,
) -> Result<Created<Tokens>> {
    let token = one_time::hash_of(&shown.token);
    let holders = app.throttle.holders(&[Of::Token(&token), Of::From(device.address)]);
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    let counted = app.throttle.count(&app, &[Of::Token(&token)]).await?;
    let pending = find(&app, &token).await?;
    let stored = pending.as_ref().map(|pending| pending.password_hash.clone());
    let verdict = place.verify(shown.password, stored).await.map_err(hashing_failed)?;
    let pending = pending.filter(|_| verdict != Verdict::Wrong).ok_or(AuthRefusal::TokenInvalid)?;

    #[expect(clippy::disallowed_methods, reason = "the person and the account do not exist before this")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    let first: Option<(bool,)> = tx.ask(END, |row| row.put(&token)).await?;
    if first != Some((true,)) {
        return Err(AuthRefusal::TokenInvalid.into()); // shown twice at once
    }
    let person =
        Person { email: &pending.email, name: &pending.display_name, password_hash: &pending.password_hash };
    let user = person.add(&mut tx).await.map_err(taken)?;
    let origin = app.quotas.origin(device.address);
    let (account, mut tx) = accounts::found(tx, &pending.account_name, user, request, origin).await?;
    counted.forgive(&mut tx).await?;
    app.throttle.remember(&mut tx, &pending.email, device.address).await?;
    let tokens = open_session(&app, &mut tx, account, user, &device).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/accounts/{}", Uuid::from(account)), tokens))
}

async fn find(app: &App, token: &[u8]) -> Result<Option<Pending>> {
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    Ok(tx.ask(PENDING, |row| row.put(token.to_vec())).await?)
}

/// The address has become somebody's since the letter was written.
pub(crate) fn taken(error: db::Error) -> db::Error {
    if error.constraint() == Some("uq_users_email") { AuthRefusal::TokenInvalid.into() } else { error }
}
