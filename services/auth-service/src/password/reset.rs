use axum::extract::State;
use db::{FromRow, LookupFunction, Reason};
use identity::check_strength;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{Accepted, ClientAddress, Error, Json, NoContent, RequestId, Result};

use super::end_everywhere;
use crate::{
    App, AuthRefusal,
    email_token::{self, EmailSent, EmailToken, ResendConfirmationRequest},
    hashing::hashing_failed,
    mail::Message,
    throttle::AttemptKey,
};

/// Request to set a new password with a token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPasswordRequest {
    /// Token from the password-reset e-mail.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    token: SecretString,
    /// New password; rejected if its estimated number of guesses is too low.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    new_password: SecretString,
}

#[derive(FromRow)]
struct ResetTarget {
    user_id: UserId,
    email: String,
}

const BEGIN: LookupFunction =
    LookupFunction::new("select begin_password_reset from app.begin_password_reset($1, $2)");
const WHOSE: LookupFunction = LookupFunction::new("select user_id, email from app.one_time_token($1, $2)");
const RESET: LookupFunction = LookupFunction::new("select reset_password from app.reset_password($1, $2)");

/// Request a password reset.
///
/// Sends an e-mail with a token that is valid once, for 30 minutes, if the address belongs to a user. The response is
/// the same in either case.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", security(()))]
pub(crate) async fn request_password_reset(
    State(app): State<App>,
    from: ClientAddress,
    Json(ResendConfirmationRequest { email }): Json<ResendConfirmationRequest>,
) -> Result<Accepted<EmailSent>> {
    app.throttle.count(&app.db, &[AttemptKey::Mail(&email), AttemptKey::LettersFrom(from)]).await?;
    let token = EmailToken::generate()?;
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let kept: Option<(Option<String>,)> = tx
        .ask(BEGIN, |row| {
            row.bind(&token.hash);
            row.bind(&email);
        })
        .await?;
    tx.commit().await?;
    // The e-mail is built for unknown addresses as well, so that response times do not reveal them.
    let (to, known) = kept.and_then(|(kept,)| kept).map_or((email.to_string(), false), |kept| (kept, true));
    let letter = Message::reset_password(&app.pages, &to, &token.text);
    if known {
        app.mail.post(letter)?;
    }
    Ok(EmailSent::to(&email))
}

/// Set a new password with the token from the e-mail.
///
/// All sessions of the user end, in every account, and so does a wait after failed logins.
#[utoipa::path(post, path = "/api/v1/auth/password/reset/confirm", tag = "auth", security(()))]
pub(crate) async fn reset_password(
    State(app): State<App>,
    request: RequestId,
    from: ClientAddress,
    Json(ResetPasswordRequest { token, new_password }): Json<ResetPasswordRequest>,
) -> Result<NoContent> {
    let token = email_token::hash_of(&token);
    let ResetTarget { user_id, email } = whose(&app, &token).await?.ok_or(AuthRefusal::TokenInvalid)?;
    check_strength(new_password.expose_secret(), &[email.as_str()])
        .map_err(|weakness| Error::invalid("/new_password", "weak", weakness.to_string()))?;
    let holders = app.throttle.holders(&[AttemptKey::Login(&email), AttemptKey::From(from)]);
    let place = app.hasher.reserve(&holders).map_err(hashing_failed)?;
    let hash = place.hash(new_password).await.map_err(hashing_failed)?;
    // Once before the change, so that a crash leaves no session behind; once after, for logins with the old password
    // meanwhile.
    end_everywhere(&app, user_id, request, None).await?;
    #[expect(clippy::disallowed_methods, reason = "the token says whose password it is")]
    let mut tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let first: Option<(bool,)> = tx
        .ask(RESET, |row| {
            row.bind(&token);
            row.bind(hash);
        })
        .await?;
    if first != Some((true,)) {
        return Err(AuthRefusal::TokenInvalid.into()); // concurrent reset
    }
    // A user who proved ownership of the address must not wait because of others' guesses.
    app.throttle.key(AttemptKey::Login(&email)).forgive_outside(&mut tx).await?;
    tx.commit().await?;
    let told = app.mail.post(Message::password_changed(&email)); // even if the rest fails
    end_everywhere(&app, user_id, request, None).await?;
    told?;
    Ok(NoContent)
}

async fn whose(app: &App, token: &[u8]) -> Result<Option<ResetTarget>> {
    #[expect(clippy::disallowed_methods, reason = "the token says who this is")]
    let mut tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let whose = tx.ask(WHOSE, |row| {
        row.bind(token.to_vec());
        row.bind("password");
    });
    Ok(whose.await?)
}
