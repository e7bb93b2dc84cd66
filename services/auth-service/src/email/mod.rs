//! Change of a user's e-mail address.

use axum::extract::State;
use db::{Change, FromRow, LookupFunction, Reason};
use kernel::{LoginEmail, UserId};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::{Accepted, AuthenticatedUser, ClientAddress, Json, NoContent, RequestId, Result};

use crate::{
    App, AuthRefusal,
    email_token::{self, EmailSent, EmailToken},
    factor,
    mail::{Message, UntrustedText},
    password,
    sessions::require_recent_login,
    throttle::AttemptKey,
    user_accounts,
    users::refuse_taken_email,
};

/// Request to change the caller's e-mail address.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEmailRequest {
    /// New address, which receives the confirmation e-mail.
    new_email: LoginEmail,
    /// Current password of the caller: a stolen access token is not enough.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    password: SecretString,
}

/// Confirmation of a new e-mail address.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmEmailRequest {
    /// Token from the confirmation e-mail.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    token: SecretString,
}

#[derive(FromRow)]
struct ChangedEmail {
    user_id: UserId,
    was: String,
    is_now: String,
}

const BEGIN: LookupFunction =
    LookupFunction::new("select begin_email_change from app.begin_email_change($1, $2)");
const CHANGE: LookupFunction = LookupFunction::new("select user_id, was, is_now from app.change_email($1)");

/// Request a change of the caller's e-mail address.
///
/// Both addresses receive an e-mail; the change takes effect when the new one is confirmed. The response does not
/// reveal whether the address is taken. A user with a second factor needs a recent login: see `POST
/// /api/v1/auth/step-up`.
#[utoipa::path(post, path = "/api/v1/auth/email", tag = "auth")]
pub(crate) async fn request_email_change(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
    from: ClientAddress,
    Json(asked): Json<ChangeEmailRequest>,
) -> Result<Accepted<EmailSent>> {
    let mut tx = app.db.begin_read_only(&who).await?;
    if factor::is_on(&mut tx).await? {
        require_recent_login(&mut tx, &who).await?;
    }
    tx.commit().await?;
    let mine = password::verify_current(&app, &who, from, (asked.password, "/password")).await?;
    app.throttle.count(&app.db, &[AttemptKey::Mail(&asked.new_email)]).await?;
    let token = EmailToken::generate()?;
    let mut tx = app.db.begin(&who).await?;
    app.quotas.count_email(&mut tx).await?;
    let free: Option<(bool,)> = tx.look_up(BEGIN).bind(&token.hash).bind(&asked.new_email).optional().await?;
    mine.counted.reset(&mut tx).await?;
    tx.commit().await?;
    app.mail.post(Message::email_is_to_change(&mine.email, &UntrustedText::new(&asked.new_email)))?;
    if free == Some((true,)) {
        app.mail.post(Message::confirm_email(&app.pages, &asked.new_email, &token.text))?;
    }
    Ok(EmailSent::to(&asked.new_email))
}

/// Confirm the new e-mail address with the token from the e-mail.
#[utoipa::path(post, path = "/api/v1/auth/email/confirm", tag = "auth", security(()))]
pub(crate) async fn confirm_email(
    State(app): State<App>,
    request: RequestId,
    Json(ConfirmEmailRequest { token }): Json<ConfirmEmailRequest>,
) -> Result<NoContent> {
    let token = email_token::hash_of(&token);
    #[expect(clippy::disallowed_methods, reason = "the token says who this is")]
    let mut tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let moved: Option<ChangedEmail> =
        tx.ask(CHANGE, |row| row.bind(token)).await.map_err(refuse_taken_email)?;
    let ChangedEmail { user_id, was, is_now } = moved.ok_or(AuthRefusal::TokenInvalid)?;
    tx.commit().await?;
    // The notifications go first: a user who did not request this must learn of it, even if the rest fails.
    let new = UntrustedText::new(&is_now);
    let told = [&was, &is_now].map(|to| app.mail.post(Message::email_changed(to, &new)));
    for account in user_accounts::list(&app.db, user_id, request).await? {
        let mut tx = user_accounts::enter(&app.db, account, user_id, request).await?;
        tx.audit(Change::new("auth.user.email_changed", "user", user_id.into(), "email_changed"));
        tx.commit().await?;
    }
    for letter in told {
        letter?;
    }
    Ok(NoContent)
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request_email_change)).routes(routes!(confirm_email))
}
