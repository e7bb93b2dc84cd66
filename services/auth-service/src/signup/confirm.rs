use axum::extract::State;
use db::{FromRow, LookupFunction, Reason};
use identity::Verdict;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Created, Json, RequestId, Result};

use crate::{
    App, AuthRefusal, accounts,
    device::Device,
    email_token,
    hashing::hashing_failed,
    sessions::{TokenPair, open_session},
    throttle::AttemptKey,
    users::{NewUser, refuse_taken_email},
};

/// Confirmation of a registration.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmRegistrationRequest {
    /// Token from the confirmation e-mail.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    token: SecretString,
    /// Password of the registration. If a stranger registered this address, its owner's click alone does not let them
    /// in.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery", max_length = 4096)]
    password: SecretString,
}

#[derive(FromRow)]
struct PendingSignup {
    email: String,
    display_name: String,
    account_name: String,
    password_hash: String,
}

const PENDING: LookupFunction = LookupFunction::new(
    "select email, display_name, account_name, password_hash from app.pending_signup($1)",
);
const END: LookupFunction = LookupFunction::new("select end_signup from app.end_signup($1)");

/// Confirm a registration.
///
/// Creates the account with the user as its owner, and opens a session.
#[utoipa::path(post, path = "/api/v1/auth/register/confirm", tag = "auth", security(()))]
pub(crate) async fn confirm_registration(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(shown): Json<ConfirmRegistrationRequest>,
) -> Result<Created<TokenPair>> {
    let token = email_token::hash_of(&shown.token);
    let holders = app.throttle.holders(&[AttemptKey::Token(&token), AttemptKey::From(device.address)]);
    let place = app.hasher.reserve(&holders).map_err(hashing_failed)?;
    let counted = app.throttle.count(&app.db, &[AttemptKey::Token(&token)]).await?;
    let pending = find(&app, &token).await?;
    let stored = pending.as_ref().map(|pending| pending.password_hash.clone());
    let verdict = place.verify(shown.password, stored).await.map_err(hashing_failed)?;
    let pending = pending.filter(|_| verdict != Verdict::Wrong).ok_or(AuthRefusal::TokenInvalid)?;

    #[expect(clippy::disallowed_methods, reason = "the person and the account do not exist before this")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    let first: Option<(bool,)> = tx.ask(END, |row| row.bind(&token)).await?;
    if first != Some((true,)) {
        return Err(AuthRefusal::TokenInvalid.into()); // concurrent confirmation
    }
    let person =
        NewUser { email: &pending.email, name: &pending.display_name, password_hash: &pending.password_hash };
    let user = person.add(&mut tx).await.map_err(refuse_taken_email)?;
    let origin = app.quotas.origin(device.address);
    let (account, mut tx) =
        accounts::create_account_for(tx, &pending.account_name, user, request, origin).await?;
    counted.reset(&mut tx).await?;
    app.throttle.remember(&mut tx, &pending.email, device.address).await?;
    let tokens = open_session(&app, &mut tx, account, user, &device).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/accounts/{}", Uuid::from(account)), tokens))
}

async fn find(app: &App, token: &[u8]) -> Result<Option<PendingSignup>> {
    #[expect(clippy::disallowed_methods, reason = "nobody is anybody before they have confirmed")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    Ok(tx.ask(PENDING, |row| row.bind(token.to_vec())).await?)
}
